"""The port that every language model fits: messages and a JSON schema in, text out, within a given time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..core.errors import OptimusError

Role = Literal["system", "user", "assistant"]
Failure = Literal["timeout", "limit", "server", "connection", "credentials", "request", "size", "reply", "resting"]


class ModelError(OptimusError):
    """A language model gave nothing that can be used; `kind` is the short word that it is counted under."""

    def __init__(self, kind: Failure, text: str) -> None:
        super().__init__(text)
        self.kind: Failure = kind


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model."""

    role: Role
    text: str


class ChatModel(Protocol):
    """A language model, wherever it runs."""

    name: str

    def reply(self, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> str:
        """The model's next message, JSON that should follow `schema`, after `seconds` at the latest.

        Raises ModelError.
        """
        ...
