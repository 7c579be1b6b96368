"""The running table: one record of fixed size per frame, appended, each with a checksum.

A file cut short anywhere, or with a torn record, reads back up to the last record that is whole.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.episode import FrameRow, RecordingContract

Rows = NDArray[Any]  # structured, see `row_type`


def row_type(contract: RecordingContract) -> np.dtype[Any]:
    """The record of one frame. `task` numbers the sentences of the episode in order of appearance."""
    joints, pads = len(contract.joint_names), len(contract.tactile_pads)
    return np.dtype(
        [
            ("capture_time", "<f8"),
            ("state", "<f4", joints),
            ("velocity", "<f4", joints),
            ("effort", "<f4", joints),
            ("tactile", "<f4", pads),
            ("action", "<f4", joints),
            ("intervention", "u1"),
            ("gap", "u1"),
            ("task", "<u2"),
            *((one.name, "<f4", one.size) for one in contract.extras),
            ("crc32", "<u4"),
        ]
    )


class RowLog:
    """Appends rows to a file; each is with the operating system when `add` returns."""

    def __init__(self, path: Path, contract: RecordingContract) -> None:
        self._record = np.zeros(1, row_type(contract))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._content = bytearray()
        self.count = 0

    def add(self, row: FrameRow, task: int) -> None:
        """Append one row. Raises OSError when the disk is full."""
        record = self._record
        record["capture_time"], record["task"] = row.capture_time, task
        record["state"], record["velocity"], record["effort"] = row.position, row.velocity, row.effort
        record["tactile"], record["action"] = row.tactile, row.action
        record["intervention"], record["gap"] = row.intervention, row.gap
        for name, values in row.extras.items():
            record[name] = values
        record["crc32"] = zlib.crc32(record.tobytes()[:-4])
        content = record.tobytes()
        if os.write(self._file, content) != len(content):
            raise OSError(28, "No space left on device")
        self._content += content
        self.count += 1

    def rows(self) -> Rows:
        """All rows so far, (F,)."""
        return np.frombuffer(bytes(self._content), self._record.dtype)

    def close(self) -> None:
        """End the file."""
        os.close(self._file)


def read_rows(path: Path, contract: RecordingContract) -> Rows:
    """All whole rows (F,) from the beginning of the file on; none when there is no file."""
    kind = row_type(contract)
    content = path.read_bytes() if path.exists() else b""
    rows = np.frombuffer(content[: len(content) // kind.itemsize * kind.itemsize], kind)
    for number in range(len(rows)):
        if zlib.crc32(rows[number].tobytes()[:-4]) != rows[number]["crc32"]:
            return rows[:number]
    return rows
