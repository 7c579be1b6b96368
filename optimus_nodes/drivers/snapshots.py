"""Sends physics snapshots from the simulation to the process that draws its cameras. Newest wins.

One datagram per instant over a Unix socket: robot time, scene seed, generalised positions.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

import numpy as np

from ..core.values import Array

_HEAD = struct.Struct("<dq")


@dataclass(frozen=True)
class SceneInstant:
    """One instant to draw: robot time `stamp` s, the scene's `seed`, `qpos` (Q,) as the simulator orders it."""

    stamp: float
    seed: int
    qpos: Array


def snapshot_link() -> tuple[socket.socket, socket.socket]:
    """The sending and the receiving end."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_instant(link: socket.socket, instant: SceneInstant) -> bool:
    """Send without ever waiting; False when the other end is too far behind or gone."""
    packet = _HEAD.pack(instant.stamp, instant.seed) + np.ascontiguousarray(instant.qpos, dtype="<f8").tobytes()
    try:
        link.send(packet, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        return False
    return True


def newest_instant(link: socket.socket) -> tuple[SceneInstant | None, int]:
    """Wait for an instant; returns the newest one and how many older ones it made void. None: the sender ended."""
    packet, skipped = link.recv(65536), 0
    while packet:
        try:
            newer = link.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        if not newer:
            break
        packet, skipped = newer, skipped + 1
    if not packet:
        return None, skipped
    stamp, seed = _HEAD.unpack_from(packet)
    return SceneInstant(stamp, seed, np.frombuffer(packet, dtype="<f8", offset=_HEAD.size)), skipped
