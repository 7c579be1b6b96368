"""Files that are whole or absent: written under another name, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import OptimusError

_PIECE = 1 << 20


class DatasetError(OptimusError):
    """A data set, or a file of it, can't be read or written as it is."""


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` at once: after a crash it holds the old content or the new, never a part."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def move_whole(source: Path, target: Path) -> None:
    """Rename a file or folder that is already flushed, and make the rename itself durable."""
    make_folder(target.parent)
    source.replace(target)
    sync_folder(target.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those it lies in, durably: a file in a folder that is not on the disk is not there either."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until what was written to `path` is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the names in the folder `path` are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def canonical(raw: Mapping[str, Any]) -> bytes:
    """The one way we write a JSON document, so that any changed bit is another document."""
    return (json.dumps(raw, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sealed(raw: Mapping[str, Any]) -> bytes:
    """`raw` with a checksum of itself under "sha256"."""
    body = {key: value for key, value in raw.items() if key != "sha256"}
    return canonical({**body, "sha256": hashlib.sha256(canonical(body)).hexdigest()})


def read_sealed(path: Path) -> dict[str, Any]:
    """The document in `path`. Raises DatasetError when a single bit of it changed since it was sealed."""
    content = read_bytes(path)
    try:
        raw = json.loads(content)
        intact = isinstance(raw, dict) and sealed(raw) == content
    except ValueError:
        raw, intact = {}, False
    if not intact:
        raise DatasetError(f"{path} is damaged: its checksum does not fit its text; restore it from a copy")
    return dict(raw)


def read_bytes(path: Path) -> bytes:
    """The content of `path`. Raises DatasetError when it is not there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}") from error


def checksum(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def is_disk_full(error: OSError) -> bool:
    """Whether writing failed because there is no room left (disk, quota or a limit on file size)."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
