"""Where things are in the user's account: arguments win over the environment, which wins over a settings file.

The file is YAML, `sagemaker.yml` in the current directory unless another is named. `thaiocr sagemaker bootstrap` writes
it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from thaiocr.config.nodes import Map, Node, Problems, Scalar, got, is_null, read_tree
from thaiocr.errors import ConfigError, EnvironmentProblem, did_you_mean

FILE: Final = "sagemaker.yml"
ENVIRONMENT: Final[Mapping[str, str]] = {
    "region": "AWS_REGION",
    "role": "THAIOCR_ROLE",
    "bucket": "THAIOCR_BUCKET",
    "prefix": "THAIOCR_PREFIX",
    "repository": "THAIOCR_REPOSITORY",
    "image": "THAIOCR_IMAGE",
    "base_image": "THAIOCR_BASE_IMAGE",
}
_FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "region": (r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-east-1"),
    "role": (r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", "a role's ARN: arn:aws:iam::<account>:role/<name>"),
    "bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name: 3 to 63 small letters, digits, '.' and '-'"),
    "prefix": (r"[\w.-]+(/[\w.-]+)*", "words of letters, digits, '.', '_' and '-', with '/' between them"),
    "repository": (r"[a-z0-9]+([._/-][a-z0-9]+)*", "a repository's name: small letters, digits, '.', '_', '-', '/'"),
    **dict.fromkeys(
        ("image", "base_image"),
        (r"[^\s@]+(@sha256:[0-9a-f]{64})?", "an image: registry/name:tag or registry/name@sha256:<64 hex digits>"),
    ),
}
_ADVICE: Final[Mapping[str, str]] = {
    "region": "--region, AWS_REGION or 'region:' in the settings file",
    "role": "--role, THAIOCR_ROLE or 'role:' in the settings file",
    "bucket": "--bucket, THAIOCR_BUCKET or 'bucket:' in the settings file",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What does not change from job to job."""

    region: str | None = None
    role: str | None = None
    """ARN of the role that a job runs as."""
    bucket: str | None = None
    prefix: str = "thaiocr"
    """Folder in the bucket; everything is kept below it."""
    repository: str = "thaiocr"
    """Name in ECR."""
    image: str | None = None
    """Image to train with; left out, the one of the repository that matches this version of thaiocr."""
    base_image: str | None = None
    """What a missing image is built on: as `thaiocr docker build --base-image`."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """Instance type -> US dollars per hour; wins over the built-in table."""
    speeds: Mapping[str, float] = field(default_factory=dict)
    """Instance type -> images per second, as an earlier job measured them; gives launch its estimate."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def need(self, *names: str) -> None:
        """Check that these are known.

        Raises:
            ConfigError: names all that are not and where they can be given.
        """
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            lines = [f"{name}: not known; give {_ADVICE[name]}" for name in missing]
            raise ConfigError([*lines, "`thaiocr sagemaker bootstrap` makes what is missing and writes the settings"])


def load_settings(
    path: str | None, arguments: Mapping[str, str | None], environment: Mapping[str, str] | None = None
) -> Settings:
    """Put the settings together.

    Args:
        path: Settings file; None takes `sagemaker.yml` when there is one.
        arguments: Name of a setting -> what the command line says, None where it says nothing.
        environment: Variables; those of the process by default.

    Raises:
        ConfigError: the file or a value cannot be used; all problems at once.
    """
    variables = os.environ if environment is None else environment
    found = _read(path)
    problems: list[str] = []
    values: dict[str, str] = {}
    for name, variable in ENVIRONMENT.items():
        region = variables.get("AWS_DEFAULT_REGION") if name == "region" else None
        for source, value in ((f"--{name}", arguments.get(name)), (variable, variables.get(variable) or region)):
            if value:
                values[name] = value
                problems += _wrong(source, name, value)
                break
    if problems:
        raise ConfigError(problems)
    return replace(found, **values)  # type: ignore[arg-type]  # the names are those of text fields


def write_settings(path: Path, settings: Settings) -> None:
    """Write a settings file.

    Raises:
        EnvironmentProblem: the file cannot be written.
    """
    import yaml

    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    text = yaml.safe_dump({key: value for key, value in values.items() if value}, sort_keys=False, allow_unicode=True)
    try:
        path.write_text(f"# Read by `thaiocr sagemaker`; no secrets are in here.\n{text}", encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot be written: {error.strerror}") from error


def _read(path: str | None) -> Settings:
    file = Path(path or FILE)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        if path is None:
            return Settings()
        raise ConfigError(
            f"{file}: no such settings file; `thaiocr sagemaker bootstrap --settings {file}` writes it"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    problems = Problems(str(file))
    root = read_tree(text, problems)
    values = {} if root is None or is_null(root) else _values(root, problems)
    problems.raise_any()
    return Settings(**values)


def _values(root: Node, problems: Problems) -> dict[str, Any]:
    if not isinstance(root, Map):
        problems.add(root.place, "", "expected lines such as `bucket: my-bucket`")
        return {}
    names = [each.name for each in fields(Settings)]
    values: dict[str, Any] = {}
    for key, entry in root.entries.items():
        if key not in names:
            problems.add(entry.place, key, f"unknown setting{did_you_mean(key, names)}")
        elif is_null(entry.node):
            continue
        elif key in _FORMATS:
            values[key] = _text(key, entry.node, problems)
        else:
            values[key] = _table(key, entry.node, problems)
    return values


def _text(name: str, node: Node, problems: Problems) -> str | None:
    if not isinstance(node, Scalar):
        problems.add(node.place, name, f"expected {_FORMATS[name][1]}, got {got(node)}")
        return None
    for problem in _wrong("", name, node.text):
        problems.add(node.place, name, problem)
    return node.text


def _table(name: str, node: Node, problems: Problems) -> dict[str, Any]:
    if not isinstance(node, Map):
        problems.add(node.place, name, f"expected lines `name: value` below it, got {got(node)}")
        return {}
    table: dict[str, Any] = {}
    for key, entry in node.entries.items():
        if not isinstance(entry.node, Scalar):
            problems.add(entry.place, f"{name}.{key}", f"expected one value, got {got(entry.node)}")
        elif name == "tags":
            table[key] = entry.node.text
        elif re.fullmatch(r"\d+(\.\d+)?", entry.node.text) and float(entry.node.text) > 0:
            table[key] = float(entry.node.text)
        else:
            problems.add(entry.place, f"{name}.{key}", f"expected a number above 0, got {got(entry.node)}")
    return table


def _wrong(source: str, name: str, value: str) -> list[str]:
    pattern, meaning = _FORMATS[name]
    if re.fullmatch(pattern, value):
        return []
    return [": ".join(part for part in (source, f"expected {meaning}, got '{value}'") if part)]
