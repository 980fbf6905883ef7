"""`thaiocr train`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thaiocr.cli.common import Commands, add_config_arguments, add_json_flag, add_verb, bar, out, print_json, say
from thaiocr.errors import GateError, UsageError

if TYPE_CHECKING:
    from thaiocr.config.schema import AnyConfig

EXAMPLES = """
  thaiocr train -c configs/rec/thai_rec_dev.yml
  thaiocr train -c my.yml -o Global.epoch_num=20 Optimizer.lr.learning_rate=7e-4
  thaiocr train -c my.yml --resume
  thaiocr train -c my.yml --init-from output/rec/thai_rec/best_accuracy
  thaiocr train -c my.yml --find-lr
  thaiocr train -c my.yml --nproc 2
  thaiocr train -c my.yml --nnodes 2 --node-rank 0 --master 10.0.0.1:6170
"""
LEAST_STEPS = 10
RATE_KEYS = {"OneCycle": "max_lr", "Piecewise": "values.0"}
"""What a schedule calls its rate, where not `learning_rate`."""


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
    parser.add_argument(
        "--find-lr",
        nargs="?",
        const=100,
        type=_steps,
        metavar="STEPS",
        help="train nothing, but try rising learning rates for 100 steps, suggest one and plot them: find_lr.png",
    )
    parser.add_argument(
        "--nproc",
        type=_processes,
        default=1,
        metavar="N",
        help="train in N processes, each on its share of the cores, or its GPU, with batches of batch_size_per_card",
    )
    machines = parser.add_argument_group("several machines", "run the same command on each, with its --node-rank")
    machines.add_argument("--nnodes", type=_processes, default=1, metavar="N", help="how many (default: 1)")
    machines.add_argument("--node-rank", type=int, metavar="K", help="which one this is, from 0; that one saves")
    machines.add_argument("--master", metavar="HOST:PORT", help="address of machine 0, with a port that is free there")
    add_json_flag(parser)


def _processes(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def _steps(text: str) -> int:
    number = int(text)
    if number < LEAST_STEPS:
        raise argparse.ArgumentTypeError(f"must be at least {LEAST_STEPS}, not {number}")
    return number


def run(args: argparse.Namespace) -> int:
    """Train."""
    from thaiocr.config.load import load_any

    loaded = load_any(args.config, args.override)
    if loaded.unused:
        say(f"{args.config}: keys that change nothing here: {', '.join(loaded.unused)}")
    resume, init_from = _start(args, loaded.config.run.checkpoints, loaded.config.run.pretrained_model)
    if args.nproc > 1 or args.nnodes > 1:
        return _in_processes(args, loaded.config)
    if args.find_lr:
        return _find_lr(args, loaded.config, resume, init_from)

    from thaiocr.engine.train import train
    from thaiocr.engine.workers import is_first
    from thaiocr.progress import silent

    # Of several processes one tells: all see the same, and the others save nothing that lasts.
    tells: dict[str, Any] = {"echo": say, "progress": bar}
    if not is_first():
        tells = {"echo": lambda _text: None, "progress": silent}
    report = train(loaded.config, resume=resume, init_from=init_from, is_forced=args.force, **tells)
    if not is_first():
        return 0
    if args.json:
        print_json(report)
    else:
        best = report["best"]
        if best:
            name, figure = ("accuracy", best["acc"]) if "acc" in best else ("hmean", best["hmean"])
            out(f"best: {name} {figure:.4f} at epoch {best['epoch']}, in {report['folder']}/best_accuracy")
    return 0


def _in_processes(args: argparse.Namespace, config: AnyConfig) -> int:
    """Run the same command without `--nproc` in several processes at once."""
    if args.find_lr:
        raise UsageError("--find-lr runs in one process: leave --nproc and --nnodes out")

    from thaiocr.engine.spawn import Machines, run_processes

    flags = {"--force": args.force, "--json": args.json}
    words = [
        *(["--debug"] if args.debug else []),
        *("train", "-c", args.config),
        *(["-o", *args.override] if args.override else []),
        *(["--resume", *([args.resume] if args.resume else [])] if args.resume is not None else []),
        *(["--init-from", args.init_from] if args.init_from else []),
        *(flag for flag, is_set in flags.items() if is_set),
    ]
    machines = Machines()
    if args.nnodes > 1:
        _check_machines(args)
        machines = Machines(count=args.nnodes, rank=args.node_rank, master=args.master)
    return run_processes(words, args.nproc, is_on_gpu=config.run.use_gpu, machines=machines)


def _check_machines(args: argparse.Namespace) -> None:
    found = {
        f"--nnodes {args.nnodes}: needs --node-rank, 0 to {args.nnodes - 1}, another one on each machine": (
            args.node_rank is None or not 0 <= args.node_rank < args.nnodes
        ),
        f"--nnodes {args.nnodes}: needs --master, HOST:PORT of machine 0, the same on each machine": (
            re.fullmatch(r"[^:]+:\d{1,5}", args.master or "") is None
        ),
    }
    problems = [problem for problem, is_wrong in found.items() if is_wrong]
    if problems:
        raise UsageError(problems)


def _find_lr(args: argparse.Namespace, config: AnyConfig, resume: Path | None, init_from: Path | None) -> int:
    """Try learning rates; a loss that does not fall at any of them is exit code 4."""
    if resume is not None or args.force:
        raise UsageError("--find-lr starts no run: leave --resume, --force and Global.checkpoints out")

    from thaiocr.config.schema import Config

    if not isinstance(config, Config):
        raise UsageError(
            f"--find-lr tries recognition only; {args.config} trains detection (Architecture.model_type); try a rate "
            f"in a short run: thaiocr train -c {args.config} -o Optimizer.lr.learning_rate=0.001 Global.epoch_num=1"
        )

    from thaiocr.engine.lr_range import lr_range_test, write_range_test

    found = lr_range_test(config, steps=args.find_lr, init_from=init_from, progress=bar)
    picture, table = write_range_test(found, Path(config.run.save_model_dir))
    if args.json:
        print_json({**found.to_json(), "plot": str(picture), "table": str(table)})
    elif found.suggested:
        kind = type(config.optimizer.lr).__name__
        out(f"suggested: -o Optimizer.lr.{RATE_KEYS.get(kind, 'learning_rate')}={found.suggested:g}")
        out(f"plot: {picture}")
    if found.suggested is None:
        say(f"{picture}: the loss did not fall at any rate; see what is wrong with: thaiocr doctor -c {args.config}")
    return 0 if found.suggested else GateError.exit_code


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
