"""`thaiocr export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, bar, out, print_json
from thaiocr.errors import UsageError

EXAMPLES = """
  thaiocr export -c configs/rec/thai_rec_dev.yml -o bundle
  thaiocr export -c my.yml --checkpoint output/rec/thai_rec/iter_epoch_40 -o bundle --no-onnx
  thaiocr export -c my.yml -o small --int8 --no-onnx --no-paddle
"""
ENGINES: Final = ("paddle", "onnx", "int8")


def register(commands: Commands) -> None:
    """Add the verb."""
    parser = add_verb(
        commands,
        "export",
        summary="write a trained model as a bundle, and prove that it reads the same",
        examples=EXAMPLES.strip("\n"),
        run=run,
    )
    parser.add_argument("-c", "--config", required=True, metavar="FILE", help="the configuration it was trained with")
    parser.add_argument(
        "--override", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change settings"
    )
    parser.add_argument("--checkpoint", metavar="PATH", help="default: best_accuracy of Global.save_model_dir")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder of the bundle")
    flag = argparse.BooleanOptionalAction
    parser.add_argument("--paddle", action=flag, default=True, help="write the network for Paddle and PaddleOCR")
    parser.add_argument("--onnx", action=flag, default=True, help="write the network for ONNX Runtime")
    parser.add_argument(
        "--int8",
        action=flag,
        default=False,
        help="write it for ONNX Runtime with numbers of 8 bits: smaller and faster",
    )
    parser.add_argument(
        "--calibrate",
        action=flag,
        default=True,
        help="find on Eval the temperature at which a score is the share of right readings",
    )
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Export."""
    engines = [engine for engine in ENGINES if getattr(args, engine)]
    if not engines:
        raise UsageError("export: nothing to write; leave one of --paddle, --onnx and --int8")

    from thaiocr.config.load import load_any
    from thaiocr.config.schema import detection

    config = load_any(args.config, args.override).config
    if isinstance(config, detection.Config):
        from thaiocr.cli.detection import export

        return export(config, args, engines)

    from thaiocr.data.images import Preprocess
    from thaiocr.engine.trained import evaluation_set, open_trained
    from thaiocr.export.bundle import export_bundle
    from thaiocr.predict.bundle import Bundle

    trained = open_trained(config, args.checkpoint)
    batches = evaluation_set(config, trained.codec, labels=None, progress=bar)
    bundle = Bundle(
        folder=Path(args.output),
        preprocess=Preprocess.of(config.eval.dataset.transforms),
        dictionary=trained.dictionary,
        use_space_char=config.run.use_space_char,
        details={"algorithm": config.reader.algorithm, "metrics": trained.metrics},
    )
    exported = export_bundle(
        trained.model, bundle, batches, engines=engines, is_calibrated=args.calibrate, progress=bar
    )
    if args.json:
        print_json({"bundle": str(bundle.folder), **exported.record()})
        return 0
    for parity in exported.parities:
        out(
            f"{parity.engine}: {parity.same_text} of {parity.images} images read the same, "
            f"probabilities within {parity.max_difference:.1g}, {parity.size / 1e6:.1f} MB"
        )
    if found := exported.calibrated:
        out(
            f"scores: temperature {found.temperature:.3f}, calibration error {found.ece_before:.4f} -> "
            f"{found.ece_after:.4f} on {found.images} images of Eval"
        )
    out(f"bundle: {bundle.folder}")
    return 0
