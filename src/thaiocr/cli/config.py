"""`thaiocr config`: write a configuration, or show the one that a file and overrides make."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thaiocr.cli.common import Commands, add_config_arguments, add_json_flag, add_verb, out, print_json, say
from thaiocr.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.config.schema import AnyConfig

PRESET_NAMES: Final = ("dev", "main", "prod", "compact", "line-dev", "line-main", "line-prod")
OF_LINES: Final = "line-"
"""What the names of presets for lines begin with."""
TITLES: Final = {
    "rec": "Thai recogniser for single grapheme clusters, trained with CTC.",
    "line": "Thai recogniser for lines of text, trained with CTC.",
    "det": "Detector of lines of text: DB.",
}

EXAMPLES: Final = """\
  thaiocr config new rec --preset compact -o my.yml
  thaiocr config new det --preset dev --data data/pages -o det.yml
  thaiocr config new rec --preset dev --data data/thai --set Global.epoch_num=20 -o my.yml
  thaiocr config show -c my.yml -o Optimizer.lr.learning_rate=7e-4
"""
NEW_EXAMPLES: Final = """\
  thaiocr config new rec -o my.yml
  thaiocr config new rec --preset prod --data data/thai --dict thai_letters/th_dict.txt -o my.yml
  thaiocr config new rec --preset line-main --data data/lines -o line.yml
  thaiocr config new rec --set Train.loader.batch_size_per_card=64 Global.use_gpu=true -o my.yml
"""
SHOW_EXAMPLES: Final = """\
  thaiocr config show -c my.yml
  thaiocr config show -c my.yml -o Global.epoch_num=20 --json
"""


def register(commands: Commands) -> None:
    """Add `config new` and `config show`."""
    parser = add_verb(commands, "config", summary="write or show a configuration", examples=EXAMPLES, run=run_show)
    # An action is required and brings its own `run`.
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = add_verb(actions, "new", summary="write a PaddleOCR-style YAML file", examples=NEW_EXAMPLES, run=run_new)
    new.add_argument(
        "kind", choices=("rec", "det"), help="what to train: rec reads single Thai clusters or lines, det finds lines"
    )
    new.add_argument(
        "--preset",
        choices=PRESET_NAMES,
        default="main",
        help="dev: 10 epochs; main: 100; prod: 200 at half the learning rate, for det 500; compact: rec of single "
        "clusters with a network that learns several times as fast, 10 epochs; "
        "line-dev, line-main, line-prod: rec of lines, 10, 40 and 100 epochs (default: main)",
    )
    new.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to write")
    new.add_argument("--data", metavar="DIR", help="folder that `thaiocr synth rec` or `synth det` wrote")
    new.add_argument(
        "--dict", metavar="FILE", help="dictionary (default: the one in --data DIR, else one of thai_letters)"
    )
    new.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, for example Global.epoch_num=20; may be repeated",
    )
    new.add_argument("--force", action="store_true", help="overwrite a file that differs")
    add_json_flag(new)

    show = add_verb(actions, "show", summary="print the configuration in full", examples=SHOW_EXAMPLES, run=run_show)
    add_config_arguments(show)
    add_json_flag(show)


def run_new(args: argparse.Namespace) -> int:
    """Write a preset with the given changes.

    Raises:
        ConfigError: a `--set` does not fit.
        UsageError: another file is there.
        EnvironmentProblem: the file cannot be written.
    """
    from thaiocr.config.dump import to_yaml
    from thaiocr.config.load import load_any_text

    text = to_yaml(_preset(args))
    config = load_any_text(text, file=f"preset {args.preset}", overrides=args.set, option="--set").config
    is_new = _write(Path(args.output), _header(args) + to_yaml(config), force=args.force)
    if args.json:
        print_json({"config": args.output, "preset": args.preset, "written": is_new})
    else:
        out(f"{args.output}: {'written' if is_new else 'already there, unchanged'}")
        say(f"train with: thaiocr train -c {shlex.quote(args.output)}")
    return 0


def _preset(args: argparse.Namespace) -> AnyConfig:
    """Return the chosen preset on the given data.

    Raises:
        UsageError: a dictionary or a preset of lines for detection, which reads none.
    """
    from thaiocr.config.det_presets import DATA_DIR, PRESETS, detection_preset
    from thaiocr.config.presets import preset

    if args.kind == "rec":
        dictionary = args.dict or (f"{args.data.rstrip('/')}/dict.txt" if args.data else None)
        return preset("rec", args.preset, data_dir=args.data, dictionary=dictionary)
    if args.dict:
        raise UsageError("--dict: detection finds text and reads none; leave it out")
    if args.preset.startswith(OF_LINES):
        raise UsageError(f"--preset {args.preset}: reads lines; with det it is {args.preset.removeprefix(OF_LINES)}")
    if args.preset not in PRESETS:
        raise UsageError(f"--preset {args.preset}: reads clusters; with det it is one of {', '.join(PRESETS)}")
    return detection_preset(args.preset, data_dir=args.data or DATA_DIR)


def run_show(args: argparse.Namespace) -> int:
    """Print the configuration that a file and overrides make, with every default; unused keys on standard error.

    Raises:
        ConfigError: the file or an override is wrong.
    """
    from thaiocr.config.dump import to_dict, to_yaml
    from thaiocr.config.load import load_any

    loaded = load_any(args.config, args.override)
    if args.json:
        print_json({"config": to_dict(loaded.config), "unused": loaded.unused})
    else:
        out(to_yaml(loaded.config).rstrip("\n"))
    if loaded.unused:
        say(f"{args.config}: keys that change nothing here: {', '.join(loaded.unused)}")
    return 0


def _header(args: argparse.Namespace) -> str:
    """Say what the file is and how it was written, so that anyone can write it again."""
    options = {"--preset": [args.preset], "--data": [args.data], "--dict": [args.dict], "--set": args.set}
    words = [word for option, values in options.items() if any(values) for word in (option, *values)]
    command = shlex.join(["thaiocr", "config", "new", args.kind, *words, "-o", args.output])
    title = TITLES["line" if args.preset.startswith(OF_LINES) else args.kind]
    lines = (title, f"Written by: {command}")
    return "".join(f"# {_one_line(line)}\n" for line in lines) + "\n"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _write(path: Path, text: str, *, force: bool) -> bool:
    """Write a file unless the same text is there; return whether it was written."""
    try:
        if path.exists():
            if path.read_bytes() == text.encode():
                return False
            if not force:
                raise UsageError(
                    f"{path}: already there and different; add --force to overwrite it, or choose another -o"
                )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise EnvironmentProblem(f"{path}: cannot be written: {reason}; choose another -o") from None
    return True
