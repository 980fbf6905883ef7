"""Items into train, val and test: each kind of item as often as wanted in each, no document in two of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from thaiocr.text.clusters import clusters

FREQUENT: Final = 5
"""Times that a longer text occurs from which on it is a stratum of its own."""


def strata(texts: Sequence[str]) -> list[str]:
    """Return what to stratify each text by: a single cluster or a frequent text by itself, others by their length."""
    counts = Counter(texts)

    def stratum(text: str) -> str:
        length = len(clusters(text))
        return text if length == 1 or counts[text] >= FREQUENT else f"{length} clusters"

    return [stratum(text) for text in texts]


def assign(groups: Sequence[Sequence[str]], shares: Mapping[str, float], *, seed: int) -> list[str]:
    """Return the split of each group of items that stay together.

    Large groups first, a group goes where the most is missing, measured by the whole split, as long as a split misses
    some of its strata and at least half of its size. What train has not shown yet goes to train. (Greedy, after the
    iterative stratification of Sechidis, Tsoumakas and Vlahavas 2011.)

    Args:
        groups: The strata of each group's items.
        shares: Split -> share of the items, together 1; the first is train.
        seed: Decides between equals.
    """
    random_order = random.Random(seed).sample(range(len(groups)), len(groups))
    order = sorted(random_order, key=lambda number: len(groups[number]), reverse=True)
    counts = Counter(stratum for group in groups for stratum in group)
    total = counts.total()
    left = {split: {stratum: share * count for stratum, count in counts.items()} for split, share in shares.items()}
    whole = {split: share * total for split, share in shares.items()}
    train, *others = shares
    chosen = [train] * len(groups)
    shown: set[str] = set()
    for number in order:
        group = Counter(groups[number])
        size = group.total()
        is_new = 2 * sum(count for stratum, count in group.items() if stratum not in shown) > size
        fitting = [
            split
            for split in others
            if not is_new and whole[split] >= size / 2 and any(left[split][stratum] > 0 for stratum in group)
        ]
        split = max((train, *fitting), key=lambda name: whole[name] / (shares[name] * total))
        chosen[number] = split
        whole[split] -= size
        for stratum, count in group.items():
            left[split][stratum] -= count
        if split == train:
            shown.update(group)
    return chosen
