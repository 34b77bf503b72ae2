from __future__ import annotations

from pathlib import Path

import torch

from recexplainer import store
from recexplainer.data.examples import Example


def test_what_many_examples_have_in_common_is_in_memory_once(tmp_path: Path) -> None:
    one = {"split": "train", "user_id": 4, "position": 3, "vector_row": 0, "history": [301, 302, 303]}
    written = [
        Example("next_item_retrieval", answer=[400], **one),
        Example("interest_classification", answer="Yes", items=[501], aspect="explain", **one),
        Example("interest_classification", answer="No", items=[502], aspect="explain", **one | {"history": [301]}),
    ]
    store.write_alignment(written, torch.zeros(1, 2), tmp_path / "alignment")
    read = store.read_alignment(tmp_path / "alignment").examples
    assert read == written
    assert read[0].history is read[1].history is not read[2].history
    assert read[1].task is read[2].task and read[0].split is read[2].split and read[1].aspect is read[2].aspect
    assert not hasattr(read[0], "__dict__")
