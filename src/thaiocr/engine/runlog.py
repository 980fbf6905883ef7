"""What a run writes for people (`train.log`) and for programs (`metrics.jsonl`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from thaiocr.data.labels import Reject
from thaiocr.errors import EnvironmentProblem

TEXT: Final = "train.log"
RECORDS: Final = "metrics.jsonl"
REJECTS: Final = "rejects.tsv"


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

    def rejects(self, rejects: Iterable[Reject]) -> None:
        """Add lines `place<TAB>image<TAB>reason` to `rejects.tsv`."""
        for reject in rejects:
            self._append(REJECTS, f"{reject.place}\t{reject.image}\t{reject.reason}")

    def sizes(self) -> dict[str, int]:
        """Return the bytes written so far per file; a checkpoint remembers them."""
        return {name: (self.folder / name).stat().st_size for name in (TEXT, RECORDS)}

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
