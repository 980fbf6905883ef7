"""A trained network -> a bundle that has proved to read the same."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from paddle import nn

from thaiocr import __version__
from thaiocr.data.loader import Batches
from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.export.calibration import Calibrated, calibrate_bundle
from thaiocr.export.int8_model import write_int8_model
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.export.paddle_model import write_client_yaml, write_paddle_model
from thaiocr.export.parity import TOLERANCES, Parity, check_parity
from thaiocr.predict.bundle import DICTIONARY, MANIFEST, Bundle, seal
from thaiocr.predict.runtime import FILES
from thaiocr.progress import Progress


@dataclass(frozen=True, slots=True)
class Exported:
    """What was proved and measured on the way."""

    parities: list[Parity]
    calibrated: Calibrated | None

    def record(self) -> dict[str, Any]:
        """Return what to say of it in JSON."""
        record: dict[str, Any] = {"parity": [asdict(parity) for parity in self.parities]}
        if self.calibrated:
            record["calibration"] = asdict(self.calibrated)
        return record


def export_bundle(
    model: nn.Layer,
    bundle: Bundle,
    batches: Batches,
    *,
    engines: Collection[str],
    is_calibrated: bool,
    progress: Progress,
) -> Exported:
    """Write `bundle` into its folder, which appears only after the parity gate and replaces an older one.

    Args:
        model: The trained network.
        bundle: Folder, preprocessing, dictionary, and what to record; nothing of it is on disk yet.
        batches: The evaluation set, for the gate, the temperature and the scales of 8-bit numbers.
        engines: What shall run the network, names of `predict.runtime.RUNTIMES`.
        is_calibrated: Find the temperature of scores and write it into the bundle.
        progress: Shows the comparison.

    Raises:
        GateError: an exported model reads something else than the trained one.
        UsageError: something else than a bundle is in the folder.
        EnvironmentProblem: the folder cannot be written.
    """
    check_free(bundle.folder)
    chosen = [engine for engine in TOLERANCES if engine in engines]
    calibrated = None
    try:
        bundle.folder.parent.mkdir(parents=True, exist_ok=True)
        staged = replace(bundle, folder=Path(mkdtemp(dir=bundle.folder.parent, prefix=f".{bundle.folder.name}.")))
        try:
            write_client_yaml(staged)
            bundle.dictionary.save(staged.folder / DICTIONARY)
            _write_networks(model, staged, chosen, batches)
            parities = check_parity(model, staged, batches, chosen, progress=progress)
            if is_calibrated:
                calibrated = calibrate_bundle(staged, batches, progress=progress)
                staged = replace(staged, temperature=calibrated.temperature)
            exported = Exported(parities, calibrated)
            made_by = {"thaiocr": __version__, "python": platform.python_version()}
            seal(replace(staged, details={**bundle.details, **exported.record(), "made_by": made_by}))
            put_in_place(staged.folder, bundle.folder)
        finally:
            shutil.rmtree(staged.folder, ignore_errors=True)
    except OSError as error:
        raise EnvironmentProblem(
            f"{bundle.folder}: cannot write the bundle there: {error.strerror}; choose another -o"
        ) from error
    return exported


def _write_networks(model: nn.Layer, staged: Bundle, engines: Collection[str], batches: Batches) -> None:
    """Write a network for every engine; each form is made from the one before it."""
    write_paddle_model(model, staged)
    if "onnx" in engines or "int8" in engines:
        write_onnx_model(staged.folder)
    if "int8" in engines:
        write_int8_model(staged.folder, batches)
    for engine in FILES.keys() - set(engines):
        for file in FILES[engine]:
            (staged.folder / file).unlink(missing_ok=True)


def check_free(folder: Path) -> None:
    """Never replace what is not a bundle.

    Raises:
        UsageError: something else is in the folder.
        EnvironmentProblem: it is a file.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise UsageError(f"{folder}: is not empty, and not a bundle that could be replaced; choose another -o")
    if folder.exists() and not folder.is_dir():
        raise EnvironmentProblem(f"{folder}: cannot write the bundle there: it is a file; choose another -o")


def put_in_place(staged: Path, folder: Path) -> None:
    """Move a finished folder to where it belongs; one that is there is replaced."""
    staged.chmod(0o755)
    if folder.exists():
        old = staged.with_name(f"{staged.name}.old")
        folder.replace(old)
        staged.replace(folder)
        shutil.rmtree(old)
    else:
        staged.replace(folder)
