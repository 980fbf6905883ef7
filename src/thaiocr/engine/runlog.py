"""What a run writes for people (`train.log`) and for programs (`metrics.jsonl`)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from thaiocr.data.labels import Reject
from thaiocr.errors import EnvironmentProblem

TEXT: Final = "train.log"
RECORDS: Final = "metrics.jsonl"
REJECTS: Final = "rejects.tsv"


def replace_text(path: Path, text: str) -> None:
    """Write a file at once: a kill leaves the old one or the new one.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.new")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write: {error.strerror}") from error


class RunLog:
    """Appends to both files of a run's folder; each line is on disk when the call returns.

    Args:
        folder: The run's folder; made when it is not there.
        echo: Gets every text line as well, for a terminal.

    Raises:
        EnvironmentProblem: the folder cannot be written.
    """

    def __init__(self, folder: Path, *, echo: Callable[[str], object]) -> None:
        self.folder = folder
        self.echo = echo
        self.listeners: list[Callable[[str, Mapping[str, Any]], object]] = []
        """Get every record as well."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in (TEXT, RECORDS):
                (folder / name).open("a").close()
            (folder / REJECTS).unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentProblem(f"{folder}: cannot write the run there: {error.strerror}") from error

    def text(self, line: str) -> None:
        """Write a line for people."""
        self.echo(line)
        self._append(TEXT, f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} {line}")

    def record(self, event: str, values: Mapping[str, Any]) -> None:
        """Write one JSON object; `event` tells what kind it is."""
        self._append(RECORDS, json.dumps({"event": event, **values}, ensure_ascii=False))
        for listener in self.listeners:
            listener(event, values)

    def rejects(self, rejects: Iterable[Reject]) -> None:
        """Add lines `place<TAB>image<TAB>reason` to `rejects.tsv`."""
        for reject in rejects:
            self._append(REJECTS, f"{reject.place}\t{reject.image}\t{reject.reason}")

    def sizes(self) -> dict[str, int]:
        """Return the bytes that are safely on disk per file; a checkpoint remembers them.

        Raises:
            EnvironmentProblem: a file cannot be written.
        """
        sizes = {}
        for name in (TEXT, RECORDS):
            path = self.folder / name
            try:
                with path.open("ab") as file:
                    os.fsync(file.fileno())
                    sizes[name] = path.stat().st_size
            except OSError as error:
                raise EnvironmentProblem(f"{path}: cannot write: {error.strerror}") from error
        return sizes

    def clear(self) -> None:
        """Forget an earlier run."""
        self.truncate({TEXT: 0, RECORDS: 0})

    def truncate(self, sizes: Mapping[str, int]) -> None:
        """Forget what was written after a checkpoint: the resumed run writes it again."""
        for name, size in sizes.items():
            path = self.folder / name
            if path.stat().st_size > size:
                with path.open("r+b") as file:
                    file.truncate(size)

    def _append(self, name: str, line: str) -> None:
        try:
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise EnvironmentProblem(f"{self.folder / name}: cannot write: {error.strerror}") from error
