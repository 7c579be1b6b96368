"""The receiving end of sd_notify(3): which processes said that they live."""

from __future__ import annotations

import os
import socket
import struct

from optimus_nodes.core.errors import ConfigError

_CREDENTIALS = struct.Struct("3i")  # process, user and group id, filled in by the kernel
_LONGEST = 256  # bytes of a sign that are read


class Signs:
    """A socket that only this process reads. `environment` is what processes must be given to send signs.

    Args: hang_after: s without a sign after which a process hangs; 0: none is asked for any.
    """

    def __init__(self, hang_after: float) -> None:
        if not 0.0 <= hang_after < 1e6:
            raise ConfigError(f"hang_after is {hang_after} s; it must be 0, for never, or more")
        self.hang_after = hang_after
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        name = f"optimus-signs-{os.getpid()}-{id(self):x}"
        self.link.bind("\0" + name)
        asked = {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": str(round(hang_after * 1e6))}
        self.environment = asked if hang_after else {}

    def senders(self) -> set[int]:
        """Process ids of all that sent a sign since the last call."""
        found = set()
        while True:
            try:
                message, extra, _, _ = self.link.recvmsg(_LONGEST, socket.CMSG_SPACE(_CREDENTIALS.size))
            except BlockingIOError:
                return found
            for level, kind, data in extra:
                if b"WATCHDOG=1" in message and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                    found.add(_CREDENTIALS.unpack_from(data)[0])

    def close(self) -> None:
        """No sign is heard any more."""
        self.link.close()
