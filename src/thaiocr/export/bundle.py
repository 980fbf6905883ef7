"""A trained network -> a bundle that has proved to read the same."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from paddle import nn

from thaiocr import __version__
from thaiocr.data.loader import Batches
from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.export.paddle_model import write_client_yaml, write_paddle_model
from thaiocr.export.parity import Parity, check_parity
from thaiocr.predict.bundle import DICTIONARY, MANIFEST, Bundle, seal
from thaiocr.progress import Progress


def export_bundle(
    model: nn.Layer, bundle: Bundle, batches: Batches, *, with_onnx: bool, progress: Progress
) -> list[Parity]:
    """Write `bundle` into its folder, which appears only after the parity gate and replaces an older one.

    Args:
        model: The trained network.
        bundle: Folder, preprocessing, dictionary, and what to record; nothing of it is on disk yet.
        batches: The evaluation set, for the gate.
        with_onnx: Write `inference.onnx` as well.
        progress: Shows the comparison.

    Raises:
        GateError: the exported model reads something else than the trained one.
        UsageError: something else than a bundle is in the folder.
        EnvironmentProblem: the folder cannot be written.
    """
    _check_free(bundle.folder)
    engines = ("paddle", "onnx") if with_onnx else ("paddle",)
    try:
        bundle.folder.parent.mkdir(parents=True, exist_ok=True)
        staged = replace(bundle, folder=Path(mkdtemp(dir=bundle.folder.parent, prefix=f".{bundle.folder.name}.")))
        try:
            write_paddle_model(model, staged)
            write_client_yaml(staged)
            bundle.dictionary.save(staged.folder / DICTIONARY)
            if with_onnx:
                write_onnx_model(staged.folder)
            parities = check_parity(model, staged, batches, engines, progress=progress)
            seal(replace(staged, details={**bundle.details, **_record(parities)}))
            _put_in_place(staged.folder, bundle.folder)
        finally:
            shutil.rmtree(staged.folder, ignore_errors=True)
    except OSError as error:
        raise EnvironmentProblem(
            f"{bundle.folder}: cannot write the bundle there: {error.strerror}; choose another -o"
        ) from error
    return parities


def _check_free(folder: Path) -> None:
    """Never replace what is not a bundle."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise UsageError(f"{folder}: is not empty, and not a bundle that could be replaced; choose another -o")
    if folder.exists() and not folder.is_dir():
        raise EnvironmentProblem(f"{folder}: cannot write the bundle there: it is a file; choose another -o")


def _record(parities: list[Parity]) -> Mapping[str, Any]:
    return {
        "parity": [asdict(parity) for parity in parities],
        "made_by": {"thaiocr": __version__, "python": platform.python_version()},
    }


def _put_in_place(staged: Path, folder: Path) -> None:
    staged.chmod(0o755)
    if folder.exists():
        old = staged.with_name(f"{staged.name}.old")
        folder.replace(old)
        staged.replace(folder)
        shutil.rmtree(old)
    else:
        staged.replace(folder)
