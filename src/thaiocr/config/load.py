"""A PaddleOCR YAML file and overrides -> a typed configuration, or all that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from thaiocr.config.convert import Converter
from thaiocr.config.nodes import Problems, read_tree
from thaiocr.config.overrides import apply_overrides
from thaiocr.config.schema import AnyConfig, Config
from thaiocr.config.validate import validate
from thaiocr.errors import ConfigError, did_you_mean

Kind = TypeVar("Kind", bound=AnyConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded(Generic[Kind]):
    """A configuration that can be used."""

    config: Kind
    unused: tuple[str, ...]
    """Keys of PaddleOCR that change nothing here, such as `Global.log_smooth_window`."""


def load_config(path: str | Path, overrides: Sequence[str] = (), *, option: str = "-o") -> Loaded[Config]:
    """Read a file for recognition and apply overrides `KEY=VALUE`, which the user gave as `option`.

    Raises:
        ConfigError: the file cannot be read, or it and the overrides make no usable configuration; every problem is one
            line, `file:line: Dotted.path: what; way out` or `-o KEY=VALUE: what; way out`. Or it is for detection.
    """
    return load_text(_read(path), file=str(path), overrides=overrides, option=option)


def load_text(text: str, *, file: str, overrides: Sequence[str] = (), option: str = "-o") -> Loaded[Config]:
    """Like `load_config`, for text that messages call `file` and overrides that the user gave as `option`.

    Raises:
        ConfigError: as `load_config`.
    """
    loaded = load_any_text(text, file=file, overrides=overrides, option=option)
    if not isinstance(loaded.config, Config):
        raise ConfigError(
            f"{file}: Architecture.model_type: det trains detection; this takes a configuration for recognition only. "
            f"For detection there are: thaiocr train, eval, export, doctor and data check, each with -c {file}"
        )
    return Loaded(config=loaded.config, unused=loaded.unused)


def load_any(path: str | Path, overrides: Sequence[str] = (), *, option: str = "-o") -> Loaded[AnyConfig]:
    """Like `load_config`, for detection as well.

    Raises:
        ConfigError: as `load_config`.
    """
    return load_any_text(_read(path), file=str(path), overrides=overrides, option=option)


def load_any_text(text: str, *, file: str, overrides: Sequence[str] = (), option: str = "-o") -> Loaded[AnyConfig]:
    """Like `load_any`, for text that messages call `file` and overrides that the user gave as `option`.

    Raises:
        ConfigError: as `load_config`.
    """
    problems = Problems(file)
    root = read_tree(text, problems)
    if root is None:
        problems.raise_any()
        raise AssertionError("a tree that could not be read has a problem")
    converter = Converter(problems)
    config = converter.config(apply_overrides(root, overrides, problems, option=option))
    validate(converter.values, converter.places, problems)
    problems.raise_any()
    assert config is not None, "a part that could not be converted has a problem"
    return Loaded(config=config, unused=tuple(dict.fromkeys(converter.unused)))


def _read(path: str | Path) -> str:
    file = Path(path)
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(_missing(file)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{str(path)!r}: cannot be read: {reason}; name a YAML file") from None


def _missing(file: Path) -> str:
    """Explain a file that is not there: the path tried, a neighbour with a similar name, how to write one."""
    tried = "" if file.is_absolute() else f" (tried {file.absolute()})"
    try:
        neighbours = [str(other) for other in file.parent.iterdir() if other.suffix in (".yml", ".yaml")]
    except OSError:
        neighbours = []
    hint = did_you_mean(str(file), neighbours)
    return f"{file}: no such file{tried}{hint or ';'} write one with: thaiocr config new rec --preset dev -o {file}"
