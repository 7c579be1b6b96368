"""What torch makes of the processor it runs on."""

from __future__ import annotations

import os

import torch


def use_threads(threads: int) -> int:
    """Let torch use so many threads, all cores when 0. Returns how many it uses."""
    torch.set_num_threads(threads or os.cpu_count() or 1)
    return torch.get_num_threads()


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself. Others imitate it, ten times slower than float32."""
    return any(torch.cpu.get_capabilities().get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
