"""`thaiocr eval`."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from thaiocr.cli import eval_pages
from thaiocr.cli.common import Commands, add_config_arguments, add_json_flag, add_verb, bar, cores, out, print_json, say
from thaiocr.errors import DataError, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.config.schema import Config
    from thaiocr.data.loader import Batches
    from thaiocr.engine.evaluate import Network
    from thaiocr.metrics.recognition import RecognitionMetric
    from thaiocr.metrics.summary import Summary
    from thaiocr.text.codec import Codec

EXAMPLES = """
  thaiocr eval -c configs/rec/thai_rec_dev.yml
  thaiocr eval -c my.yml --labels data/rec_gt_test.txt --report report
  thaiocr eval -c my.yml --bundle bundle --labels data/rec_gt_test_?.txt --report report
  thaiocr eval -c my.yml --bundle bundle --negatives data/negatives
  thaiocr eval --det det_bundle --rec bundle --labels pages/det_gt_test.txt --report report
"""
SHOWN_CONFUSIONS = 10


def register(commands: Commands) -> None:
    """Add the verb."""
    parser = add_verb(commands, "eval", summary="measure what a model reads", examples=EXAMPLES.strip("\n"), run=run)
    add_config_arguments(parser, is_required=False)
    parser.add_argument(
        "--det",
        metavar="DIR",
        help="instead of -c: measure whole pages, found by this exported detection model and read by --rec (default: "
        "thai_line, which comes with thaiocr)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", metavar="PATH", help="default: best_accuracy of Global.save_model_dir")
    which.add_argument("--bundle", "--rec", metavar="DIR", help="measure an exported bundle instead")
    parser.add_argument(
        "--labels",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="label files to use instead of Eval, or of pages with --det; images lie beside them; several are measured "
        "one by one",
    )
    parser.add_argument(
        "--negatives",
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help="folders of images that show nothing to read: how far right readings score above them",
    )
    parser.add_argument(
        "--report",
        metavar="PATH",
        help="write all figures: FILE.json, or a folder with a page and an error gallery, with --det with all lines",
    )
    add_json_flag(parser)


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """What is measured."""

    network: Network
    codec: Codec
    name: str
    temperature: float | None
    """Of a bundle that has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was found on one label file, or on Eval of the configuration."""

    labels: str | None
    batches: Batches
    metric: RecognitionMetric
    summary: Summary

    @property
    def name(self) -> str:
        """`test_D` for `data/rec_gt_test_D.txt`."""
        return Path(self.labels).stem.removeprefix("rec_gt_") if self.labels else "eval"


def run(args: argparse.Namespace) -> int:
    """Evaluate."""
    if args.det:
        return eval_pages.run(args)
    if not args.config:
        raise UsageError("eval: give -c FILE, or --det DIR with --rec DIR and --labels FILE to measure whole pages")

    from thaiocr.config.load import load_any
    from thaiocr.config.schema import detection

    config = load_any(args.config, args.override).config
    if isinstance(config, detection.Config):
        from thaiocr.cli.detection import evaluate

        return evaluate(config, args)
    model = _open(config, args)
    negatives = _score_negatives(config, model, args.negatives) if args.negatives else []
    found = [_measure(config, model, labels, negatives) for labels in args.labels or [None]]
    if args.report:
        _write_report(args, model, found)
    sets = {each.name: each.summary for each in found}
    if args.json:
        print_json({"model": model.name, **(found[0].summary if len(found) == 1 else {"sets": sets})})
    elif len(found) == 1:
        _print(found[0].summary)
    else:
        _print_sets(sets)
    return 0


def _open(config: Config, args: argparse.Namespace) -> Model:
    """Return the network to measure with its codec."""
    from thaiocr.data.images import Preprocess
    from thaiocr.data.splits import open_codec
    from thaiocr.engine.evaluate import of_model
    from thaiocr.engine.trained import open_trained
    from thaiocr.predict.bundle import open_bundle
    from thaiocr.predict.runtime import load_network

    _refuse_same_names(args.labels)
    if not args.bundle:
        trained = open_trained(config, args.checkpoint)
        return Model(
            network=of_model(trained.model), codec=trained.codec, name=str(trained.checkpoint), temperature=None
        )
    bundle = open_bundle(Path(args.bundle))
    codec = open_codec(config)
    if codec.dictionary.fingerprint != bundle.dictionary.fingerprint:
        raise DataError(f"{args.bundle}: made with another dictionary than {config.run.character_dict_path}")
    if bundle.preprocess != Preprocess.of(config.eval.dataset.transforms):
        raise DataError(f"{args.bundle}: prepares images in another way than Eval.dataset.transforms of {args.config}")
    return Model(
        network=load_network(bundle.folder, threads=cores()),
        codec=codec,
        name=args.bundle,
        temperature=None if bundle.temperature == 1.0 else bundle.temperature,
    )


def _refuse_same_names(labels: Sequence[str]) -> None:
    """Two label files of one name would share a line of the table and a folder of the report."""
    names = Counter(Path(each).stem for each in labels)
    if double := [name for name, times in names.items() if times > 1]:
        raise UsageError(f"--labels: several files are called {', '.join(double)}; measure them in several runs")


def _score_negatives(config: Config, model: Model, folders: Sequence[str]) -> list[float]:
    from thaiocr.data.images import Preprocess
    from thaiocr.engine.negatives import score_negatives

    return score_negatives(
        model.network,
        folders,
        Preprocess.of(config.eval.dataset.transforms),
        model.codec,
        temperature=model.temperature or 1.0,
        progress=bar,
    )


def _measure(config: Config, model: Model, labels: str | None, negatives: Sequence[float]) -> Measured:
    from thaiocr.data.manifest import font_families, same_pictures
    from thaiocr.engine.evaluate import read_all
    from thaiocr.engine.trained import evaluation_set
    from thaiocr.metrics.recognition import RecognitionMetric

    batches = evaluation_set(config, model.codec, labels=labels, progress=bar)
    _say_rejects(batches)
    readings = read_all(
        model.network,
        batches,
        model.codec,
        progress=bar,
        is_single=config.run.max_text_length == 1,
        temperature=model.temperature,
    )
    metric = RecognitionMetric(ignore_space=config.metric.ignore_space)
    families, twins = font_families(batches.data.images_root), same_pictures(batches.data.images_root)
    metric.update(
        replace(
            reading,
            font=families.get(reading.image, ""),
            twins=twins.get(reading.image, {}).get(reading.label, ()),
        )
        for reading in readings
    )
    return Measured(labels=labels, batches=batches, metric=metric, summary=metric.summary(negatives))


def _say_rejects(batches: Batches) -> None:
    rejects = batches.data.rejects
    for reject in rejects[:SHOWN_CONFUSIONS]:
        say(str(reject))
    if rejects:
        say(f"{len(rejects)} of {len(rejects) + len(batches.data.samples)} lines cannot be used and are not counted")


def _print(summary: Summary) -> None:
    interval = summary["intervals"]["figures"]["acc"]
    bounds = f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
    out(f"images                 {summary['images']}")
    out(f"accuracy               {summary['acc']:.4f}{bounds}")
    out(f"accuracy, macro        {summary['macro_acc']:.4f}")
    out(f"CER, clusters          {summary['cer']:.4f}")
    out(f"CER, code points       {summary['cer_code_points']:.4f}")
    out(f"1-NED                  {summary['norm_edit_dis']:.4f}")
    _print_separation(summary)
    if summary["confusions"]:
        out("most frequent confusions, label -> read:")
    for row in summary["confusions"][:SHOWN_CONFUSIONS]:
        out(f"  {row['label']} -> {row['text'] or '(nothing)'}  {row['count']}")


def _print_separation(summary: Summary) -> None:
    found = summary["separation"]
    if found["auroc_negatives"] is not None and found["negatives_above"] is not None:
        out(
            f"AUROC, negatives       {found['auroc_negatives']:.4f}  ({found['negatives']} images with nothing to read)"
        )
        out(f"let through            {found['negatives_above']:.4f} of them, where 95 % of right readings are kept")


def _print_sets(sets: dict[str, Summary]) -> None:
    from thaiocr.metrics.sets import markdown, rows_of_sets

    out(markdown(*rows_of_sets(sets)))


def _about(args: argparse.Namespace, model: Model, found: Sequence[Measured]) -> dict[str, str]:
    from thaiocr.data.manifest import read_manifest

    labels = ", ".join(each.labels or "Eval of the configuration" for each in found)
    about = {"Model": model.name, "Configuration": args.config, "Labels": labels}
    if model.temperature is not None:
        about["Temperature"] = f"{model.temperature:.4f}"
    if all(read_manifest(each.batches.data.images_root) for each in found):
        about["Limits"] = "Synthetic images only: no scan or photograph was read."
    return about


def _write_report(args: argparse.Namespace, model: Model, found: Sequence[Measured]) -> None:
    path = Path(args.report)
    sets = {each.name: each.summary for each in found}
    if path.suffix == ".json":
        whole = found[0].summary if len(found) == 1 else {"model": model.name, "sets": sets}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise EnvironmentProblem(f"{path}: cannot write the report: {error.strerror}") from error
        return
    from thaiocr.metrics.report import write_report
    from thaiocr.metrics.sets import write_sets

    title = f"Evaluation of {model.name}"
    for each in found:
        page = write_report(
            each.metric.readings,
            each.summary,
            path if len(found) == 1 else path / each.name,
            title=title if len(found) == 1 else f"{title}: {each.name}",
            images_root=each.batches.data.images_root,
            extra=_about(args, model, [each]),
        )
    if len(found) > 1:
        page = write_sets(path, sets, title=title, extra=_about(args, model, found))
    say(f"report: {page}")
