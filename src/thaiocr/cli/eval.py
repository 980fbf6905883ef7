"""`thaiocr eval`."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from thaiocr.cli.common import Commands, add_config_arguments, add_json_flag, add_verb, bar, out, print_json, say
from thaiocr.errors import DataError, EnvironmentProblem

if TYPE_CHECKING:
    from thaiocr.config.schema import Config
    from thaiocr.data.loader import Batches
    from thaiocr.engine.evaluate import Network
    from thaiocr.metrics.recognition import RecognitionMetric, Summary
    from thaiocr.text.codec import Codec

EXAMPLES = """
  thaiocr eval -c configs/rec/thai_rec_dev.yml
  thaiocr eval -c my.yml --labels data/rec_gt_test.txt --report report
  thaiocr eval -c my.yml --bundle bundle --labels data/rec_gt_test.txt --report report.json
"""
SHOWN_CONFUSIONS = 10


def register(commands: Commands) -> None:
    """Add the verb."""
    parser = add_verb(commands, "eval", summary="measure what a model reads", examples=EXAMPLES.strip("\n"), run=run)
    add_config_arguments(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", metavar="PATH", help="default: best_accuracy of Global.save_model_dir")
    which.add_argument("--bundle", metavar="DIR", help="measure an exported bundle instead")
    parser.add_argument("--labels", metavar="FILE", help="a label file to use instead of Eval; images lie beside it")
    parser.add_argument(
        "--report", metavar="PATH", help="write all figures: FILE.json, or a folder with a page and an error gallery"
    )
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate."""
    from thaiocr.config.load import load_config

    config = load_config(args.config, args.override).config

    from thaiocr.data.manifest import font_families
    from thaiocr.engine.evaluate import read_all
    from thaiocr.engine.trained import evaluation_set
    from thaiocr.metrics.recognition import RecognitionMetric

    network, codec, name = _open(config, args)
    batches = evaluation_set(config, codec, labels=args.labels, progress=bar)
    _say_rejects(batches)
    readings = read_all(network, batches, codec, progress=bar, is_single=config.run.max_text_length == 1)
    metric = RecognitionMetric(ignore_space=config.metric.ignore_space)
    families = font_families(batches.data.images_root)
    metric.update(replace(reading, font=families.get(reading.image, "")) for reading in readings)
    summary = metric.summary()
    if args.report:
        _write_report(args, metric, summary, name, batches)
    if args.json:
        print_json({"model": name, **summary})
    else:
        _print(summary)
    return 0


def _open(config: Config, args: argparse.Namespace) -> tuple[Network, Codec, str]:
    """Return the network to measure, its codec, and what to call it."""
    from thaiocr.data.images import Preprocess
    from thaiocr.data.splits import open_codec
    from thaiocr.engine.evaluate import of_model
    from thaiocr.engine.trained import open_trained
    from thaiocr.predict.reader import Reader

    if not args.bundle:
        trained = open_trained(config, args.checkpoint)
        return of_model(trained.model), trained.codec, str(trained.checkpoint)
    reader = Reader(Path(args.bundle))
    codec = open_codec(config)
    if codec.dictionary.fingerprint != reader.bundle.dictionary.fingerprint:
        raise DataError(f"{args.bundle}: made with another dictionary than {config.run.character_dict_path}")
    if reader.bundle.preprocess != Preprocess.of(config.eval.dataset.transforms):
        raise DataError(f"{args.bundle}: prepares images in another way than Eval.dataset.transforms of {args.config}")
    return reader.network, codec, args.bundle


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
    if summary["confusions"]:
        out("most frequent confusions, label -> read:")
    for row in summary["confusions"][:SHOWN_CONFUSIONS]:
        out(f"  {row['label']} -> {row['text'] or '(nothing)'}  {row['count']}")


def _about(args: argparse.Namespace, name: str, batches: Batches) -> dict[str, str]:
    from thaiocr.data.manifest import read_manifest

    about = {"Model": name, "Configuration": args.config, "Labels": args.labels or "Eval of the configuration"}
    if read_manifest(batches.data.images_root):
        about["Limits"] = "Synthetic images only: no scan or photograph was read."
    return about


def _write_report(
    args: argparse.Namespace, metric: RecognitionMetric, summary: Summary, name: str, batches: Batches
) -> None:
    path = Path(args.report)
    if path.suffix == ".json":
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise EnvironmentProblem(f"{path}: cannot write the report: {error.strerror}") from error
        return
    from thaiocr.metrics.report import write_report

    page = write_report(
        metric.readings,
        summary,
        path,
        title=f"Evaluation of {name}",
        images_root=batches.data.images_root,
        extra=_about(args, name, batches),
    )
    say(f"report: {page}")
