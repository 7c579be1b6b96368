"""A language model behind an OpenAI-compatible server: xAI's Grok, vLLM, Ollama, llama.cpp.

The reply is taken in as a stream and by asyncio, so that a server that drips, pings or never ends is left at its time
or at a size, whatever it sends.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from ..core.errors import ConfigError
from .chat import Failure, Message, ModelError

MOST_TOKENS = 1200
MOST_BYTES = 1_000_000  # of a streamed reply: a token takes some 300
_CONNECT_S = 3.0
_GRACE_S = 0.1  # for a server that sends nothing whole; one that does is left on time


class _Reply:
    """The text in a stream of server-sent events (data: JSON), whatever pieces it comes in."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts: list[str] = []
        self.cut_off = False

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, piece: bytes) -> None:
        """Raises ValueError or its like when an event is none."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in (line.strip() for line in lines):
            if line.startswith(b"data:") and line != b"data: [DONE]":
                for choice in json.loads(line[5:]).get("choices", ())[:1]:
                    self._parts.append(choice.get("delta", {}).get("content") or "")
                    self.cut_off |= choice.get("finish_reason") == "length"


class OpenAiModel:
    """A model by name at `base_url`. Its key is read from the variable `key_variable` and kept nowhere else.

    `key_variable` "": the server wants none. `options`: fields of the request beside the standard ones, as the
    server knows them.
    """

    def __init__(
        self, base_url: str, model: str, key_variable: str = "", options: dict[str, Any] | None = None
    ) -> None:
        """Raises ConfigError when the `openai` package or the key is missing."""
        try:
            import openai
        except ImportError:
            mend = "`make env-llm`, or pip install 'openai>=3.51,<4'"
            raise ConfigError(f"language models need the openai package: {mend}") from None
        key = os.environ.get(key_variable, "") if key_variable else "none"
        if not key:
            raise ConfigError(f"{base_url} wants a key: set the environment variable {key_variable}")
        self.name = f"{model} at {base_url}"
        self._model, self._options = model, options or {}
        self._openai, self._secret = openai, key if key_variable else ""
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="language model", daemon=True).start()

    def reply(self, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> str:
        """See `ChatModel`. No error text holds the key."""
        if seconds <= 0.0:
            raise ModelError("timeout", f"{self.name}: no time left")
        work = asyncio.wait_for(self._streamed(messages, schema, seconds), seconds + _GRACE_S)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except ModelError:
            raise
        except (asyncio.TimeoutError, TimeoutError):
            raise ModelError("timeout", f"{self.name} was not done within {seconds:.1f} s") from None
        except Exception as error:  # whatever the client or a broken server throws means the same: no answer
            raise self._failure(error) from None

    async def _streamed(self, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> str:
        form = {"name": "reply", "schema": schema, "strict": True}
        end = time.monotonic() + seconds
        async with self._client.chat.completions.with_streaming_response.create(
            model=self._model,
            messages=[{"role": one.role, "content": one.text} for one in messages],
            response_format={"type": "json_schema", "json_schema": form},
            temperature=0.0,
            max_tokens=MOST_TOKENS,
            stream=True,
            timeout=self._openai.Timeout(seconds, connect=min(_CONNECT_S, seconds)),
            extra_body=self._options,
        ) as response:
            reply, size = _Reply(), 0
            async with aclosing(response.iter_bytes()) as pieces:  # not the client's own parser: it sees no size
                async for piece in pieces:
                    size += len(piece)
                    if time.monotonic() > end:
                        raise asyncio.TimeoutError
                    if size > MOST_BYTES:
                        raise ModelError("size", f"{self.name} replied more than {MOST_BYTES // 1000} kB")
                    reply.add(piece)
        if reply.cut_off:
            raise ModelError("size", f"{self.name} was cut off after {MOST_TOKENS} tokens")
        if not reply.text.strip():
            raise ModelError("reply", f"{self.name} replied nothing")
        return reply.text

    def _failure(self, error: Exception) -> ModelError:
        """What went wrong in our words: those of the client may hold parts of the request."""
        openai = self._openai
        kinds: tuple[tuple[type[Exception], Failure, str], ...] = (
            (openai.APITimeoutError, "timeout", "did not answer in time"),
            (openai.APIConnectionError, "connection", "can't be reached"),
            (openai.RateLimitError, "limit", "takes no more requests now (429)"),
            (openai.AuthenticationError, "credentials", "refused the key (401)"),
            (openai.PermissionDeniedError, "credentials", "does not allow this to the key (403)"),
            (openai.InternalServerError, "server", "has an error of its own"),
            (openai.APIStatusError, "request", "refused the request"),
        )
        for kind, short, words in kinds:
            if isinstance(error, kind):
                code = str(getattr(error, "status_code", ""))
                number = f" ({code})" if code and code not in words else ""
                return ModelError(short, f"{self.name} {words}{number}")
        return ModelError("connection", f"{self.name} answered what is no answer ({type(error).__name__})")
