"""Diagnostics: messages to plain values."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray


def diagnostics_from_msg(message: DiagnosticArray) -> list[tuple[str, int, str, dict[str, str]]]:
    """Name ("node: part"), level (0 OK, 1 WARN, 2 ERROR, 3 STALE), sentence and figures of each status in it."""
    return [
        (status.name, int.from_bytes(status.level, "little"), status.message, {v.key: v.value for v in status.values})
        for status in message.status
    ]
