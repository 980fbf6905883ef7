"""`thaiocr train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from thaiocr.cli.common import Commands, add_config_arguments, add_json_flag, add_verb, bar, out, print_json, say
from thaiocr.errors import UsageError

EXAMPLES = """
  thaiocr train -c configs/rec/thai_rec_dev.yml
  thaiocr train -c my.yml -o Global.epoch_num=20 Optimizer.lr.learning_rate=7e-4
  thaiocr train -c my.yml --resume
  thaiocr train -c my.yml --init-from output/rec/thai_rec/best_accuracy
"""


def register(commands: Commands) -> None:
    """Add the verb."""
    parser = add_verb(
        commands, "train", summary="train a model; Ctrl-C saves and stops", examples=EXAMPLES.strip("\n"), run=run
    )
    add_config_arguments(parser)
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="CHECKPOINT",
        help="go on exactly where a run stopped: the `latest` of save_model_dir, or the checkpoint given",
    )
    start.add_argument("--init-from", metavar="CHECKPOINT", help="start a new run from the weights of a checkpoint")
    start.add_argument("--force", action="store_true", help="start anew over a run that is in save_model_dir already")
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Train."""
    from thaiocr.config.load import load_config

    loaded = load_config(args.config, args.override)
    if loaded.unused:
        say(f"{args.config}: keys that change nothing here: {', '.join(loaded.unused)}")
    resume, init_from = _start(args, loaded.config.run.checkpoints, loaded.config.run.pretrained_model)

    from thaiocr.engine.train import train

    report = train(loaded.config, resume=resume, init_from=init_from, is_forced=args.force, echo=say, progress=bar)
    if args.json:
        print_json(report)
    else:
        best = report["best"]
        if best:
            out(f"best: accuracy {best['acc']:.4f} at epoch {best['epoch']}, in {report['folder']}/best_accuracy")
    return 0


def _start(
    args: argparse.Namespace, checkpoints: str | None, pretrained_model: str | None
) -> tuple[Path | None, Path | None]:
    """Return (checkpoint to resume, weights to start from); an empty resume path means `latest`.

    The command line wins over `Global.checkpoints` and `Global.pretrained_model`.
    """
    if args.resume is not None:
        return Path(args.resume), None
    if args.init_from:
        return None, Path(args.init_from)
    if checkpoints and pretrained_model:
        raise UsageError("Global.checkpoints and Global.pretrained_model: give one of them")
    if checkpoints:
        return Path(checkpoints), None
    return None, Path(pretrained_model) if pretrained_model else None
