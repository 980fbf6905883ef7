"""How often Thai uses each grapheme cluster, counted once from a corpus and shipped as `thai_letters/clusters.tsv`.

The table is shipped, so that dictionaries and frequency-weighted figures do not change with the version of the library
that the corpus comes from. Its source: the word frequencies of the Thai National Corpus and the word list of PyThaiNLP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from thaiocr.text.clusters import clusters
from thaiocr.text.codec import Codec, UnknownCharacter
from thaiocr.text.dictionary import builtin
from thaiocr.text.normalize import normalize
from thaiocr.text.thai import is_thai

TABLE: Final = "clusters.tsv"
_HEADER: Final = "cluster\ttnc\twords\n"


class Usage(NamedTuple):
    """How often a cluster occurs."""

    tnc: int
    """In the words of the Thai National Corpus, each as often as the corpus has it."""
    words: int
    """In the word list, each word once."""


@cache
def usage() -> Mapping[str, Usage]:
    """Return the shipped table: the most frequent cluster first, in normal spelling, legal or not."""
    text = builtin(TABLE).read_text(encoding="utf-8").removeprefix(_HEADER)
    rows = (line.split("\t") for line in text.removesuffix("\n").split("\n"))
    return MappingProxyType({cluster: Usage(int(tnc), int(words)) for cluster, tnc, words in rows})


def cluster_counts() -> Mapping[str, int]:
    """Return how often each cluster occurs in the Thai National Corpus, the most frequent first."""
    return {cluster: found.tnc for cluster, found in usage().items() if found.tnc}


def coverage(codec: Codec) -> float:
    """Return the share, 0 to 1, of the Thai National Corpus's Thai clusters that a dictionary can spell."""
    counts = {cluster: count for cluster, count in cluster_counts().items() if is_thai(cluster)}
    return sum(count for cluster, count in counts.items() if _can_spell(codec, cluster)) / sum(counts.values())


def _can_spell(codec: Codec, cluster: str) -> bool:
    try:
        codec.encode(cluster)
    except UnknownCharacter:
        return False
    return True


def count_corpora() -> dict[str, Usage]:
    """Count the clusters of the corpora in the installed PyThaiNLP; the order is that of `usage`."""
    from pythainlp.corpus import get_corpus
    from pythainlp.corpus.tnc import word_freqs

    tnc = _count(word_freqs())
    words = _count((word, 1) for word in get_corpus("words_th.txt"))
    found = {cluster: Usage(tnc[cluster], words[cluster]) for cluster in tnc.keys() | words.keys()}
    return dict(sorted(found.items(), key=lambda row: (-row[1].tnc, -row[1].words, row[0])))


def _count(words: Iterable[tuple[str, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word, count in words:
        for cluster in clusters(normalize(word)):
            counts[cluster] += count
    return counts


def write_table(table: Mapping[str, Usage], path: Path) -> None:
    """Write a table in the shipped form: UTF-8, LF, tab-separated, one header line."""
    lines = (f"{cluster}\t{found.tnc}\t{found.words}\n" for cluster, found in table.items())
    path.write_text(_HEADER + "".join(lines), encoding="utf-8", newline="\n")
