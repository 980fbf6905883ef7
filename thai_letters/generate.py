"""Write the files of this folder again from the corpora of the installed PyThaiNLP."""

from __future__ import annotations

import sys
from pathlib import Path

from thaiocr.text.frequency import TABLE, count_corpora, write_table
from thaiocr.text.tiers import SHIPPED, build_tier


def main(folder: Path) -> None:
    """Write the table of clusters and every dictionary into a folder."""
    table = count_corpora()
    write_table(table, folder / TABLE)
    for name, tier in SHIPPED.items():
        dictionary = build_tier(tier, table)
        dictionary.save(folder / name)
        print(f"{folder / name}: {len(dictionary):,} entries")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
