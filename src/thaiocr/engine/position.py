"""Save a run, and move a newly built run to where a saved one was."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import paddle

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.engine import paddleocr
from thaiocr.engine.run import BaseRun, Position
from thaiocr.errors import DataError

AFTER_WARMUP: Final = "LinearWarmup_LR"
"""Where the state of a warm-up holds that of the schedule that follows it."""
MOMENTS: Final[Mapping[type, str]] = {
    schema.Adam: "_moment1_0",
    schema.AdamW: "_moment1_0",
    schema.Momentum: "_velocity_0",
    schema.RMSProp: "_mean_square_0",
}
"""What follows a parameter's name in the state of its optimizer."""


def save(run: BaseRun, name: str) -> None:
    """Write the run as `NAME.pdparams/.pdopt/.states` into its folder."""
    here = run.position
    here.seconds = run.meter.total
    with run.average.applied():
        weights = _arrays(run.model.state_dict())
    states = {
        # PaddleOCR's keys: the last finished epoch, from 1, and the best metrics.
        "epoch": here.epoch,
        "global_step": here.step,
        "best_model_dict": here.best,
        # Ours.
        "position": asdict(here),
        "dictionary": run.fingerprint,
        "guide": _arrays(run.guide.state_dict()) if run.guide is not None else None,
        "average": run.average.state(),
        "precision": run.precision.state(),
        "log_sizes": run.log.sizes(),
    }
    optimizer = _arrays(run.optimizer.state_dict())
    store.save(store.Checkpoint(weights=weights, optimizer=optimizer, states=states), run.folder / name)


def last_good(folder: Path) -> tuple[Path, store.Checkpoint, list[str]]:
    """Read `latest` of a run's folder or, where it is damaged, the whole checkpoint with the most steps.

    Returns:
        Path without suffix, content, and what is wrong with the damaged ones.

    Raises:
        DataError: no checkpoint is whole.
    """
    latest = folder / "latest"
    try:
        return latest, store.load(latest), []
    except DataError as error:
        problems = list(error.problems)
    whole = {}
    for prefix in store.prefixes(folder):
        if prefix != latest:
            try:
                whole[prefix] = store.load(prefix)
            except DataError as error:
                problems.extend(error.problems)
    if not whole:
        raise DataError([*problems, f"{folder}: no whole checkpoint to go on from; leave --resume out to start"])
    newest = max(whole, key=lambda prefix: int(whole[prefix].states.get("global_step", 0)))
    return newest, whole[newest], problems


def resume(run: BaseRun, checkpoint: store.Checkpoint, prefix: Path) -> None:
    """Move the run to where the checkpoint was saved; what its logs held beyond that point is cut off.

    A checkpoint of PaddleOCR's own training has no position inside an epoch: its run goes on at the next epoch.

    Args:
        run: At its beginning.
        checkpoint: What to go on from.
        prefix: What messages call it.

    Raises:
        DataError: of another network or dictionary.
    """
    states = checkpoint.states
    if not is_of_dictionary(states, run):
        raise DataError(
            f"{prefix}: trained with another dictionary than {run.config.run.character_dict_path}; "
            "use that dictionary, or start from its weights with --init-from"
        )
    load_weights(run.model, checkpoint.weights, prefix)
    run.average.resume(states.get("average"))
    if run.guide is not None and states.get("guide") is not None:
        run.guide.set_state_dict(states["guide"])
    _load_optimizer(run, checkpoint.optimizer, prefix)
    if "position" in states:
        run.position = Position(**states["position"])
        run.meter.earlier = run.position.seconds
        run.precision.resume(states.get("precision", {}))
        run.log.truncate(states["log_sizes"])
    else:
        indicator = run.config.metric.main_indicator
        run.position = paddleocr.position_of(checkpoint, indicator=indicator, steps_per_epoch=len(run.train))


def _load_optimizer(run: BaseRun, state: Mapping[str, Any], prefix: Path) -> None:
    schedule = state.get("LR_Scheduler")
    if schedule is not None:
        ours = run.schedule.state_dict()
        if isinstance(run.config.optimizer.lr, schema.Const) and AFTER_WARMUP in ours:
            # PaddleOCR has a number there, and nothing to keep of it.
            schedule = {AFTER_WARMUP: ours[AFTER_WARMUP], **schedule}
            state = {**state, "LR_Scheduler": schedule}
        if schedule.keys() != ours.keys():
            raise DataError(
                f"{prefix}.pdopt: saved with another kind of Optimizer.lr, or with a warm-up where there is none now; "
                "set it as it was, or start from the weights with --init-from"
            )
    _check_moments(run, state, prefix)
    with warnings.catch_warnings():
        # paddle calls the inner schedule of every LinearWarmup unused, and then uses it.
        warnings.filterwarnings("ignore", "There are some unused values in state_dict", UserWarning)
        run.optimizer.set_state_dict({name: _tensors(value) for name, value in state.items()})


def _check_moments(run: BaseRun, state: Mapping[str, Any], prefix: Path) -> None:
    """Refuse the state of another kind of optimizer, or of parameters that go by other names.

    Raises:
        DataError: names the first parameter without state.
    """
    kind = MOMENTS[type(run.config.optimizer)]
    saved = {
        name.partition("_fp32_master")[0] for name in (key.removesuffix(kind) for key in state if key.endswith(kind))
    }
    has_steps = any(isinstance(value, np.ndarray) for value in state.values())
    for name, parameter in run.model.named_parameters():
        if has_steps and not parameter.stop_gradient and parameter.name not in saved:
            raise DataError(
                f"{prefix}.pdopt: holds nothing of '{name}' ({parameter.name}{kind}): saved with another optimizer "
                f"than {type(run.config.optimizer).__name__}, or of another network; set Optimizer as it was, or start "
                "from the weights with --init-from"
            )


def _tensors(value: Any) -> Any:
    """Return a table of arrays, which is what O2's float32 copies of the weights are saved as, as paddle wants it."""
    if isinstance(value, Mapping) and all(isinstance(each, np.ndarray) for each in value.values()):
        return {name: paddle.to_tensor(each) for name, each in value.items()}
    return value


def is_of_dictionary(states: Mapping[str, Any], run: BaseRun) -> bool:
    """Tell whether a checkpoint was trained with the run's dictionary, as far as it says so."""
    return bool(states.get("dictionary", run.fingerprint) == run.fingerprint)


def load_weights(model: paddle.nn.Layer, weights: Mapping[str, Any], prefix: Path) -> None:
    """Fill the network; every parameter must be there with its shape.

    Raises:
        DataError: names what is missing or does not fit.
    """
    problems, parameters = [], model.state_dict(use_hook=False)
    for name, parameter in parameters.items():
        if name not in weights:
            problems.append(f"{prefix}: no parameter '{name}'")
        elif list(weights[name].shape) != list(parameter.shape):
            found, wanted = list(weights[name].shape), list(parameter.shape)
            problems.append(f"{prefix}: parameter '{name}' has shape {found}, the network has {wanted}")
    if problems:
        more = [f"… and {len(problems) - 5} more"] if len(problems) > 5 else []
        raise DataError([*problems[:5], *more, f"{prefix}: the weights of another architecture or dictionary size"])
    fill(model, {name: weights[name] for name in parameters})


def fill(model: paddle.nn.Layer, weights: Mapping[str, Any]) -> None:
    """Give parameters these values; those of half precision, where O2 trains, are rounded."""
    for name, parameter in model.state_dict(use_hook=False).items():
        if name in weights:
            parameter.set_value(paddle.to_tensor(weights[name]).astype(parameter.dtype))


def _arrays(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state with arrays of its own for tensors, also for those of a table in it."""
    return {name: _array(value) for name, value in state.items()}


def _array(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _arrays(value)
    return np.array(value) if isinstance(value, paddle.Tensor) else value
