"""Datagrams between processes of one machine: what two nodes tell each other 250 times a second needs no DDS.

The sockets have no name in the file system (Linux's abstract namespace) and go with their processes, however those end.
A reader says hello a few times a second and is sent everything; one that has been silent for a second is forgotten.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable

HELLO, HELLO_EVERY_S, FORGOTTEN_S = b"hello", 0.2, 1.0
LARGEST = 65536  # bytes of a datagram
_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)


class LinkWriter:
    """Sends to everyone who says hello to `address`. One thread uses it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self.address = f"optimus/{os.getpid()}/{secrets.token_hex(8)}"
        self._socket.bind("\0" + self.address)
        self._readers: dict[bytes, float] = {}
        self._listened = 0.0
        self.dropped = 0  # datagrams a reader had no room for

    def wanted(self, monotonic: float) -> bool:
        """Whether anybody reads."""
        if monotonic - self._listened > HELLO_EVERY_S / 4:
            self._listened = monotonic
            self._listen(monotonic)
        return bool(self._readers)

    def send(self, data: bytes | bytearray) -> None:
        """Send to all readers; never waits."""
        for reader in list(self._readers):
            try:
                self._socket.sendto(data, reader)
            except OSError as error:
                if error.errno in _FULL:
                    self.dropped += 1
                else:  # its process ended
                    del self._readers[reader]

    def close(self) -> None:
        """Readers notice with their next hello."""
        self._socket.close()
        self._readers.clear()

    def _listen(self, monotonic: float) -> None:
        try:
            while True:
                _, reader = self._socket.recvfrom(16)
                if reader:
                    self._readers[reader] = monotonic
        except OSError:
            pass  # nobody says anything more
        for reader, heard in list(self._readers.items()):
            if monotonic - heard > FORGOTTEN_S:
                del self._readers[reader]


class LinkReader:
    """Calls `take` with the newest datagram, in a thread of its own, until the writer at `address` ends or `close`.

    With `all_of_them` it is called with each, in order. Raises OSError when there is no writer at `address`.
    """

    def __init__(self, address: str, take: Callable[[bytes], None], all_of_them: bool = False) -> None:
        self._take, self._all = take, all_of_them
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        patience = struct.pack("ll", 0, int(HELLO_EVERY_S * 1e6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._ended, self._due = False, time.monotonic() + HELLO_EVERY_S
        try:
            self._socket.bind("")  # an address that the kernel chooses
            self._socket.connect("\0" + address)  # and nobody else can send to it
            self._hello()
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
                self._socket.shutdown(socket.SHUT_RD)  # wakes the thread
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _read(self) -> None:
        try:
            while (data := self._next()) is not None and not self._ended:
                if data:
                    self._take(data)
        finally:
            self._ended = True
            self._socket.close()

    def _next(self) -> bytes | None:
        """The next datagram, or the newest; nothing when none came for a while, None when the writer ended."""
        try:
            if (now := time.monotonic()) >= self._due:
                self._hello()
                self._due = now + HELLO_EVERY_S
            data = self._receive(0)
            while data and not self._all and (newer := self._receive(socket.MSG_DONTWAIT)):
                data = newer
            return data
        except OSError:
            return None

    def _receive(self, flags: int) -> bytes:
        try:
            return self._socket.recv(LARGEST, flags)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            return b""

    def _hello(self) -> None:
        try:
            self._socket.send(HELLO, socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno not in _FULL:
                raise
