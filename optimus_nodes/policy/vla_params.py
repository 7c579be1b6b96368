"""What can be set about vla_node."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.chunk_schedule import CHUNKING
from ..core.errors import ConfigError

ENGINES = ("onnxruntime", "openvino", "openvino-bf16")


@dataclass(frozen=True)
class VlaParams:
    """Parameters of vla_node."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    bundle: str = field(default="pick_place", metadata={"doc": "Policy in models/, or the path of a bundle."})
    remote: str = field(default="", metadata={"doc": "Another machine that runs the policy, ws://HOST:PORT."})
    jpeg: int = field(default=0, metadata={"doc": "JPEG quality of pictures sent there, 1 to 100; 0: as they are."})
    engine: str = field(default="onnxruntime", metadata={"doc": "onnxruntime, openvino or openvino-bf16."})
    chunking: str = field(default="realtime", metadata={"doc": "When the next chunk is asked for: realtime or naive."})
    threads: int = field(default=1, metadata={"doc": "Threads of the network, 1 to 16."})
    max_age: float = field(default=0.3, metadata={"doc": "Inputs further apart than this count as missing, s."})

    def __post_init__(self) -> None:
        if self.chunking not in CHUNKING:
            raise ConfigError(f"chunking is {self.chunking!r}; allowed: {', '.join(CHUNKING)}")
        if self.engine not in ENGINES:
            raise ConfigError(f"engine is {self.engine!r}; allowed: {', '.join(ENGINES)}")
        if not 0 <= self.jpeg <= 100 or (self.remote and not self.remote.startswith(("ws://", "wss://"))):
            raise ConfigError(f"remote is {self.remote!r} (ws://HOST:PORT or nothing) and jpeg {self.jpeg} (0 to 100)")
        if not 1 <= self.threads <= 16 or self.max_age <= 0:
            raise ConfigError(f"threads is {self.threads} (1 to 16) and max_age {self.max_age} s (above 0)")
