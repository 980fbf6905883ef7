"""The processes of one run: each takes its share of every batch, and all take the same step.

What a step found is averaged, so that every process holds the same network after it. On the CPU the processes talk
through gloo, and those of one machine exchange gradients in shared memory; on GPUs through NCCL.

G values of a step, those of all tensors one after the other
"""

from __future__ import annotations

import os
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, replace
from io import StringIO
from itertools import chain
from typing import Any, Final, TypeVar

import numpy as np
import paddle
from paddle import distributed
from paddle.base import core

from thaiocr.config import schema
from thaiocr.data.loader import Batch
from thaiocr.engine.shared_sum import SharedSum, open_shared_sum
from thaiocr.engine.stop import Stopped, StopRequest
from thaiocr.errors import DataError, EnvironmentProblem

Item = TypeVar("Item")

FIRST_IS_DONE: Final = "thaiocr: the first process of its machine is done; its rank: "
DONE: Final = "thaiocr: processes that are done"
FAILED: Final = "thaiocr: processes that failed"
POLL_SECONDS: Final = 0.05


@dataclass(slots=True)
class Workers:
    """This process among those of its run."""

    rank: int = 0
    size: int = 1
    shared: SharedSum | None = None
    """Memory of the processes; None where they have none in common, or have not looked for it yet."""
    has_looked: bool = False

    def average(
        self, parameters: Sequence[paddle.Tensor], values: Mapping[str, float], batch: Batch
    ) -> dict[str, float]:
        """Average gradients, statistics of batch normalisation and figures over the processes, in place.

        Args:
            parameters: Of the network. Those without a gradient of their own are such statistics.
            values: Figures of this process's share, averages over its images.
            batch: The share.

        Returns:
            The figures of the whole batch.
        """
        if self.size == 1:
            return dict(values)
        tensors, share = _exchanged(parameters), len(batch.samples) / batch.all_images
        sum_G = paddle.to_tensor(list(values.values()), dtype="float32") * share
        if not self.has_looked and tensors[0].place.is_cpu_place():
            self._look_for_memory(sum(tensor.size for tensor in tensors))
        if self.shared is None:
            figures = _average_by_message(tensors, sum_G, share)
        else:
            figures = _average_in_memory(self.shared, tensors, sum_G, share)
        return dict(zip(values, figures, strict=True))

    def _look_for_memory(self, count: int) -> None:
        def gather(word: str) -> list[str]:
            return self.gather([[word]])

        self.shared, self.has_looked = open_shared_sum(self.rank, self.size, count, gather), True

    def check_start(self, step: int, parameters: Sequence[paddle.Tensor]) -> None:
        """Make sure that all processes begin with the same step and weights.

        Raises:
            DataError: they do not, as when one machine of several lacks the checkpoint.
        """
        checksum = 0
        for parameter in parameters if self.size > 1 else ():
            checksum = zlib.crc32(np.asarray(parameter).tobytes(), checksum)
        starts = self.gather([[(step, checksum)]])
        if len(set(starts)) > 1:
            steps = ", ".join(str(start[0]) for start in starts)
            raise DataError(
                f"the processes of this run begin at different points (steps {steps}): give all machines the same "
                "checkpoint, or start anew with --force"
            )

    def any(self, flag: bool) -> bool:
        """Tell whether the flag is set in one of the processes; all must ask."""
        if self.size == 1:
            return flag
        flags = paddle.to_tensor([float(flag)])
        with _others_answering():
            distributed.all_reduce(flags, op=distributed.ReduceOp.MAX)
        return bool(flags.item())

    def check(self, stop: StopRequest) -> None:
        """Raise Stopped in all processes once one of them was asked to stop; all must ask."""
        if self.any(stop.is_requested):
            raise Stopped

    def gather(self, shares: list[list[Item]]) -> list[Item]:
        """Return the items of all processes, of which each has one list per batch, in the order of the data set."""
        if self.size == 1:
            return list(chain(*shares))
        gathered: list[list[list[Item]]] = []
        with _others_answering():
            distributed.all_gather_object(gathered, shares)
        return [item for batch in zip(*gathered, strict=True) for share in batch for item in share]

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """Let the first process of each machine go first: what it leaves on disk is there for the others.

        All leave together and wait as long as it takes, where every message of gloo is given up after 30 seconds.

        Raises:
            EnvironmentProblem: another process failed.
        """
        if self.size == 1:
            yield
            return
        store = core.create_or_get_global_tcp_store()
        place = int(os.environ.get("PADDLE_LOCAL_RANK", self.rank))
        first_is_done = f"{FIRST_IS_DONE}{self.rank - place}"
        if place:
            _wait(store, first_is_done, 1)
        try:
            yield
        except BaseException:
            if self.rank:  # the end of process 0, which keeps the store, tells by itself
                with suppress(RuntimeError, ValueError):
                    store.add(FAILED, 1)
            raise
        with _others_answering():
            if not place:
                store.add(first_is_done, 1)
            store.add(DONE, 1)
        _wait(store, DONE, self.size)


def _wait(store: Any, key: str, count: int) -> None:
    """Wait until a number in the store has been reached, or a process has failed."""
    with _others_answering():
        while store.add(key, 0) < count:
            if store.add(FAILED, 0):
                raise EnvironmentProblem("another process of this run failed; see what it wrote")
            time.sleep(POLL_SECONDS)


def is_first() -> bool:
    """Tell whether this is the first process of its run, which writes and tells; known before they have met."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0")) == 0


def join() -> Workers:
    """Meet the other processes of the run, where paddle.distributed's `PADDLE_TRAINERS_NUM` says that there are any.

    Raises:
        EnvironmentProblem: they do not come, or one is gone already.
    """
    if int(os.environ.get("PADDLE_TRAINERS_NUM", "1")) == 1:
        return Workers()
    try:
        with redirect_stderr(StringIO()):  # paddle prints its own flags
            distributed.init_parallel_env()
    except (RuntimeError, ValueError) as error:
        reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise EnvironmentProblem(
            f"another process of this run is gone, or none answers at {os.environ.get('PADDLE_MASTER')}: {reason}"
        ) from error
    return Workers(rank=distributed.get_rank(), size=distributed.get_world_size())


@contextmanager
def writing_once(config: schema.AnyConfig) -> Iterator[schema.AnyConfig]:
    """Change the configuration of all processes but the first: they write to a folder that is thrown away."""
    if is_first():
        yield config
        return
    with tempfile.TemporaryDirectory(prefix="thaiocr-") as folder:
        beside = replace(config.run, save_model_dir=folder, trackers=(), use_visualdl=False, use_wandb=False)
        yield replace(config, run=beside, wandb=None)


@contextmanager
def _others_answering() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:  # gloo's, and that of the store that process 0 keeps
        raise EnvironmentProblem(
            "another process of this run is gone, or was silent for too long; go on with --resume"
        ) from error


def _average_by_message(tensors: list[paddle.Tensor], figures: paddle.Tensor, share: float) -> list[float]:
    """Average the tensors in place, and add up the figures, in one message of float32."""
    sum_G = paddle.concat([*(tensor.flatten().astype("float32") * share for tensor in tensors), figures])
    with _others_answering():
        distributed.all_reduce(sum_G)
    *parts, figures = paddle.split(sum_G, [*(tensor.size for tensor in tensors), figures.size])
    with paddle.no_grad():  # or the statistics would become results of this sum, no longer parameters
        for tensor, part in zip(tensors, parts, strict=True):
            paddle.assign(part.reshape(tensor.shape).astype(tensor.dtype), tensor)
    return list(figures.tolist())


def _average_in_memory(
    shared: SharedSum, tensors: list[paddle.Tensor], figures: paddle.Tensor, share: float
) -> list[float]:
    """Do the same through memory; the message with the figures tells that all have written."""
    arrays: list[Any] = [np.from_dlpack(tensor.detach()) for tensor in tensors]  # numpy does not know their type
    shared.write(arrays, share)
    with _others_answering():
        distributed.all_reduce(figures)
    shared.read(arrays)
    return list(figures.tolist())


def _exchanged(parameters: Sequence[paddle.Tensor]) -> list[paddle.Tensor]:
    """Return gradients and, of what is not trained, the tensors themselves."""
    found = [parameter if parameter.stop_gradient else parameter.grad for parameter in parameters]
    return [tensor for tensor in found if tensor is not None]
