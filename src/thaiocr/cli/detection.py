"""What `eval` and `export` do for a configuration with `model_type: det`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import bar, out, print_json, say
from thaiocr.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.config.schema import detection
    from thaiocr.data.detection_loader import PageBatches

SHOWN_REJECTS: Final = 10
FIGURES: Final = {
    "pages": "pages",
    "regions": "lines of text",
    "found": "polygons found",
    "hmean": "hmean, IoU 0.5",
    "precision": "precision",
    "recall": "recall",
    "mean_iou": "mean IoU",
    "map": "mAP, IoU 0.5 to 0.95",
    "ap50": "AP, IoU 0.5",
    "ap75": "AP, IoU 0.75",
}


def evaluate(config: detection.Config, args: argparse.Namespace) -> int:
    """Measure a detector on Eval, or on one label file after the other."""
    from thaiocr.engine.detection import detect_batches, evaluation_pages, of_model, open_trained_detector
    from thaiocr.metrics.detection import DetectionMetric
    from thaiocr.predict.detector import Detector

    _refuse(args, "negatives")
    if args.bundle:
        network, name = Detector(Path(args.bundle)).network, args.bundle
    else:
        trained = open_trained_detector(config, args.checkpoint)
        network, name = of_model(trained.model), str(trained.checkpoint)
    found = {}
    for labels in args.labels or [None]:
        batches = evaluation_pages(config, labels=labels, progress=bar)
        _say_rejects(batches)
        metric = DetectionMetric()
        for results in detect_batches(network, batches, config.postprocess, progress=bar):
            metric.update(results)
        found[str(labels or "Eval")] = metric.summary()
    result = {"model": name, **(next(iter(found.values())) if len(found) == 1 else {"sets": found})}
    if args.report:
        _write(Path(args.report), json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    if args.json:
        print_json(result)
    else:
        _print(found)
    return 0


def _print(found: Mapping[str, Mapping[str, Any]]) -> None:
    for labels, summary in found.items():
        out(f"{labels}:")
        for figure, title in FIGURES.items():
            value = summary[figure]
            out(f"  {title:<22} {value if isinstance(value, int) else f'{value:.4f}'}")
        for page in summary["worst"]:
            out(f"  {page['image']}: {page['missed']} missed, {page['wrong']} wrong")


def export(config: detection.Config, args: argparse.Namespace, engines: Sequence[str]) -> int:
    """Export a detector."""
    from thaiocr.engine.detection import evaluation_pages, open_trained_detector
    from thaiocr.export.detection import export_detector

    _refuse(args, "int8")
    trained = open_trained_detector(config, args.checkpoint)
    batches = evaluation_pages(config, labels=None, progress=bar)
    details = {"algorithm": config.architecture.algorithm, "metrics": trained.metrics}
    parities = export_detector(
        trained.model,
        Path(args.output),
        batches,
        config.postprocess,
        engines=engines,
        details=details,
        progress=bar,
    )
    if args.json:
        print_json({"bundle": args.output, "parity": [asdict(parity) for parity in parities]})
        return 0
    for parity in parities:
        out(
            f"{parity.engine}: probabilities within {parity.max_difference:.1g}, the same polygons on "
            f"{parity.same_polygons} of {parity.pages} pages"
        )
    out(f"bundle: {args.output}")
    return 0


def _refuse(args: argparse.Namespace, option: str) -> None:
    """Refuse an option that only recognition has.

    Raises:
        UsageError: it is given.
    """
    if getattr(args, option):
        raise UsageError(f"--{option} is for recognition; {args.config} trains detection (Architecture.model_type)")


def _say_rejects(batches: PageBatches) -> None:
    rejects = batches.data.rejects
    for reject in rejects[:SHOWN_REJECTS]:
        say(str(reject))
    if rejects:
        say(f"{len(rejects)} of {len(rejects) + len(batches.data.samples)} pages cannot be used and are not counted")


def _write(path: Path, text: str) -> None:
    if path.suffix != ".json":
        raise UsageError(f"--report {path}: detection writes its figures as JSON; name a file FILE.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write the report: {error.strerror}") from error
