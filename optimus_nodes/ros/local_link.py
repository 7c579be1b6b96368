"""Packets between processes of one machine: what two nodes tell each other 250 times a second needs no DDS.

The sockets have no name in the file system (Linux's abstract namespace) and go with their processes, however those end.
Each reader has a connection and a queue of its own: one that is slow or stands still takes nothing from the others.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable

ACCEPT_EVERY_S = 0.05  # how long a new reader waits at most
LARGEST = 65536  # bytes of a packet; making room for so many costs more than reading a few
QUEUE = 1 << 20  # bytes that may wait for one reader, as far as the system grants them: over a second of joint states
_WAITED_S = 5e-5  # who had to wait for a packet need not ask whether there is a newer one
_KIND = socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC
_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)


class LinkWriter:
    """Sends to everyone who connects to `address`. One thread uses it. OSError: no such sockets here."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, _KIND | socket.SOCK_NONBLOCK)
        self.address = f"optimus/{os.getpid()}/{secrets.token_hex(8)}"
        self._socket.bind("\0" + self.address)
        self._socket.listen()
        self._readers: list[socket.socket] = []
        self._accepted = 0.0
        self.dropped = 0  # packets a reader had no room for

    def wanted(self, monotonic: float) -> bool:
        """Whether anybody reads."""
        if monotonic - self._accepted > ACCEPT_EVERY_S:
            self._accepted = monotonic
            self._accept()
        return bool(self._readers)

    def send(self, data: bytes | memoryview) -> None:
        """Send to all readers; never waits."""
        for reader in list(self._readers):
            try:
                reader.send(data)
            except OSError as error:
                if error.errno in _FULL:
                    self.dropped += 1
                else:  # it was closed, or its process ended
                    self._readers.remove(reader)
                    reader.close()

    def close(self) -> None:
        """Readers notice at once."""
        for each in (self._socket, *self._readers):
            each.close()
        self._readers.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # nobody waits any more
            while True:
                reader, _ = self._socket.accept()
                reader.setblocking(False)
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE)
                self._readers.append(reader)


class LinkReader:
    """Calls `take` with the newest packet, in a thread of its own, until the writer at `address` ends or `close`.

    With `all_of_them` it is called with each, in order; of one longer than `room` bytes, with its beginning. Raises
    OSError when there is no writer at `address`.
    """

    def __init__(
        self, address: str, take: Callable[[bytes], None], all_of_them: bool = False, room: int = LARGEST
    ) -> None:
        self._take, self._all, self._room, self._ended = take, all_of_them, room, False
        self._socket = socket.socket(socket.AF_UNIX, _KIND)
        try:
            self._socket.connect("\0" + address)
        except OSError:
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._read, name="local link", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """The writer is gone, or `close` was called."""
        return self._ended

    def close(self) -> None:
        """End the thread at once; afterwards `take` is not called any more. `take` itself may call this."""
        if not self._ended:
            self._ended = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _read(self) -> None:
        try:
            while (data := self._next()) and not self._ended:
                self._take(data)
        finally:
            self._ended = True
            self._socket.close()

    def _next(self) -> bytes:
        """The next packet, or the newest; nothing when the writer ended."""
        began = time.monotonic()
        data = self._receive(0)
        if self._all or time.monotonic() - began > _WAITED_S:
            return data
        while data and (newer := self._receive(socket.MSG_DONTWAIT)):
            data = newer
        return data

    def _receive(self, flags: int) -> bytes:
        try:
            return self._socket.recv(self._room, flags)
        except OSError:
            return b""
