"""Reads the streams of a recorded episode back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from mcap.exceptions import McapError
from mcap.reader import make_reader

from .files import DatasetError


def messages(path: Path, topics: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """(topic, CDR bytes) of the messages on `topics`, in the order in which they were recorded.

    Raises DatasetError when the file is not there or damaged.
    """
    try:
        with path.open("rb") as file:
            for _, channel, message in make_reader(file, validate_crcs=True).iter_messages(topics=list(topics)):
                yield channel.topic, message.data
    except (OSError, McapError, ValueError) as error:
        raise DatasetError(f"{path} can't be read: {error}; `optimus dataset check` says what is damaged") from error


def topics(path: Path) -> list[str]:
    """The topics of a recording."""
    try:
        with path.open("rb") as file:
            summary = make_reader(file).get_summary()
    except (OSError, McapError, ValueError) as error:
        raise DatasetError(f"{path} can't be read: {error}; `optimus dataset check` says what is damaged") from error
    return sorted(channel.topic for channel in summary.channels.values()) if summary else []
