from __future__ import annotations

import numpy as np
import paddle

from thaiocr.models.parts_guide import PartsGuide, part_targets

ENTRIES = ("ก", "กั้", "น้ำ", "ข้", "A", "๙")


def test_clusters_that_share_a_part_share_its_target() -> None:
    targets = part_targets(ENTRIES)

    same_base = targets["base"][1] == targets["base"][2]
    same_tone = targets["tone"][2] == targets["tone"][3] == targets["tone"][4]
    assert same_base
    assert same_tone
    assert targets["am"][3] != targets["am"][2]
    assert {name: len(ids) for name, ids in targets.items()} == dict.fromkeys(("base", "vowel", "tone", "am"), 7)


def test_every_part_has_a_head_of_its_own_size() -> None:
    guide = PartsGuide(16, ENTRIES)

    logits = guide(paddle.rand([3, 16, 1, 8]))

    assert {name: tuple(values.shape) for name, values in logits.items()} == {
        name: (3, len(np.unique(ids[1:]))) for name, ids in part_targets(ENTRIES).items()
    }
