"""Recorded episodes on disk: LeRobotDataset v3.0 written so that no crash loses more than a second. See `layout`."""

from .heap import arrow_from_malloc as _arrow_from_malloc

_arrow_from_malloc()  # before a module of this package reads pyarrow
