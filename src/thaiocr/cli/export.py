"""`thaiocr export`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from thaiocr.cli.common import Commands, add_json_flag, add_verb, bar, out, print_json

EXAMPLES = """
  thaiocr export -c configs/rec/thai_rec_dev.yml -o bundle
  thaiocr export -c my.yml --checkpoint output/rec/thai_rec/iter_epoch_40 -o bundle --no-onnx
"""


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
    parser.add_argument("--onnx", action=argparse.BooleanOptionalAction, default=True, help="write inference.onnx too")
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Export."""
    from thaiocr.config.load import load_config

    config = load_config(args.config, args.override).config

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
    parities = export_bundle(trained.model, bundle, batches, with_onnx=args.onnx, progress=bar)
    if args.json:
        print_json({"bundle": str(bundle.folder), "parity": [asdict(parity) for parity in parities]})
    else:
        for parity in parities:
            out(
                f"{parity.engine}: {parity.same_text} of {parity.images} images read the same, "
                f"probabilities within {parity.max_difference:.1g}"
            )
        out(f"bundle: {bundle.folder}")
    return 0
