"""Training on several processes or machines (torchrun): who this process is, and what all of them must agree on.

Every process draws the same global batch and takes its slice, gradients are averaged, so any number of processes gives
the same training as one, up to rounding. Without torchrun everything here is the identity.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..core.errors import ConfigError

WAIT = timedelta(hours=1)  # the others wait while the first process validates and saves


@dataclass(frozen=True, slots=True)
class Group:
    """This process is number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def agree(self, stop: bool, elapsed: float) -> tuple[bool, float]:
        """Whether any process wants to stop, and the time of the first one, s: budgets end everywhere at once."""
        if self.size == 1:
            return stop, elapsed
        said = torch.tensor([float(stop), elapsed if self.first else 0.0], dtype=torch.float64)
        dist.all_reduce(said, dist.ReduceOp.SUM)
        return bool(said[0] > 0), float(said[1])

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """Each value averaged over the processes."""
        if self.size == 1:
            return values
        table = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.all_reduce(table)
        return dict(zip(values, (table / self.size).tolist()))


@contextmanager
def process_group(needed: bool = False) -> Iterator[Group]:
    """Join the others that torchrun started; alone when it did not. `needed`: form a group of one then too."""
    if "WORLD_SIZE" not in os.environ and not needed:
        yield Group()
        return
    if "WORLD_SIZE" in os.environ:
        dist.init_process_group("gloo", timeout=WAIT)
    else:
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def shared(value: Tensor) -> Tensor:
    """The mean of `value` over all processes; it gets no gradient. What a loss that counts its frames divides by."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1 or not torch.is_grad_enabled():
        return value
    found = value.detach().clone()
    dist.all_reduce(found)
    return found / dist.get_world_size()


def parallel(network: nn.Module, group: Group, shard: bool) -> nn.Module:
    """`network` so that gradients are averaged over the group. `shard`: its weights are divided too (FSDP2)."""
    if shard:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh("cpu", (group.size,))
        for block in getattr(network, "blocks", ()):
            fully_shard(block, mesh=mesh)
        fully_shard(network, mesh=mesh)
        return network
    if group.size == 1:
        return network
    return nn.parallel.DistributedDataParallel(network, forward_sync_buffers=False)


def require_slices(batch: int, size: int) -> int:
    """How many frames of a batch each of `size` processes takes."""
    if batch % size:
        raise ConfigError(
            f"a batch of {batch} frames can't be divided among {size} processes; "
            f"give --batch {-(-batch // size) * size}, or start another number of them (torchrun --nproc-per-node)"
        )
    return batch // size


def local(tensor: Tensor) -> Tensor:
    """The part of a divided tensor that lies here."""
    part: Any = tensor.to_local() if hasattr(tensor, "to_local") else tensor  # type: ignore[operator]
    return part  # type: ignore[no-any-return]


def whole(tensor: Tensor) -> Tensor:
    """A divided tensor put together; every process must ask for it."""
    full: Any = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor  # type: ignore[operator]
    return full  # type: ignore[no-any-return]


def put(target: Tensor, value: Tensor) -> None:
    """Copy a whole `value` into `target`, which may be divided."""
    if hasattr(target, "device_mesh"):
        from torch.distributed.tensor import distribute_tensor

        value = distribute_tensor(value.to(target.dtype), target.device_mesh, target.placements)  # type: ignore[attr-defined]
    target.copy_(value)
