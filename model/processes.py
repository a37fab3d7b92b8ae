"""Several processes training as one, launched by torchrun: who embeds which faces, and what they exchange.

Every process draws the same batch and embeds its part of the faces. The parts are put together before
anything that looks across faces (batch statistics of the embedding, triplets), so the loss is that of one
process; only the batch norms inside a backbone see their own part alone.
"""

import os
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

# The first process decodes pictures and trains an identity branch while the others wait.
PATIENCE = timedelta(hours=12)


class Team:
    """The processes of one run; without torchrun, a team of one that exchanges nothing."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def of_environment(cls) -> "Team":
        """The team that torchrun's variables tell of (RANK, WORLD_SIZE), joined; else a team of one."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not dist.is_initialized():
            backend = "nccl" if torch.cuda.is_available() else "gloo"
            dist.init_process_group(backend, timeout=PATIENCE)
        return cls(dist.get_rank(), size)

    @property
    def device(self) -> str | None:
        """This process's own GPU, where there are several processes and GPUs."""
        if self.size == 1 or not torch.cuda.is_available():
            return None
        return f"cuda:{os.environ['LOCAL_RANK']}"

    def part(self, faces: np.ndarray) -> np.ndarray:
        """This process's faces of a batch: consecutive, of as nearly equal number as can be."""
        return np.array_split(faces, self.size)[self.rank]

    def gather(self, vectors: Tensor, count: int) -> Tensor:
        """All processes' vectors (n, D) in the batch's order, (count, D); gradients go to their own."""
        if self.size == 1:
            return vectors
        sizes = [len(part) for part in np.array_split(np.arange(count), self.size)]
        whole: Tensor = _Gather.apply(vectors, sizes, self.rank)
        return whole

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the mean over all processes: with `gather`, that of one process."""
        if self.size == 1:
            return
        # A process whose part used some parameter not at all has no gradient for it.
        every = [p for p in parameters if p.requires_grad]
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in every])
        dist.all_reduce(flat)
        flat /= self.size
        for parameter, values in zip(every, flat.split([p.numel() for p in every]), strict=True):
            parameter.grad = values.view_as(parameter)

    def share(self, network: nn.Module) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.size > 1:
            for tensor in (*network.parameters(), *network.buffers()):
                dist.broadcast(tensor.data, 0)

    def agree(self, network: nn.Module) -> None:
        """Make the processes' buffers (running statistics of batch norms) the mean over all of them."""
        if self.size == 1:
            return
        for buffer in network.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer /= self.size

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """The run is over, its files are written: of several processes each ends here, with status 0."""
        if self.size == 1:
            return
        self.wait()
        dist.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        # gloo's threads may hold the last tensors still; an interpreter that is taken down under them aborts
        # now and then (pytorch/pytorch#179291).
        os._exit(0)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, vectors: Tensor, sizes: list[int], rank: int) -> Tensor:
        context.sizes, context.rank = sizes, rank
        largest = max(sizes)
        padded = vectors.new_zeros(largest, vectors.shape[1])
        padded[: len(vectors)] = vectors
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        sizes, rank = context.sizes, context.rank
        start = sum(sizes[:rank])
        # All processes compute the same loss; `average` will divide by their number.
        return gradients[0][start : start + sizes[rank]] * len(sizes), None, None
