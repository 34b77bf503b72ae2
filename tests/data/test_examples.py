from __future__ import annotations

from pathlib import Path

import torch

from recexplainer import store
from recexplainer.data.examples import Example

EXAMPLES = [
    Example("next_item_retrieval", "train", [3], user_id=1, position=4, vector_row=0, history=[1, 2]),
    Example("next_item_retrieval", "train", [3], user_id=1, position=5, choices=[3, 4], shares=[0.7, 0.3]),
    Example("next_item_retrieval", "test", [3], user_id=2, position=3, vector_row=-1, history=[5]),
    Example("item_discrimination", "train", "", items=[7], aspect="brand"),
    Example("general_dialogue", "train", "b", turns=[["a", "b"]]),
]


def test_what_is_written_is_read_also_row_0_of_the_vectors(tmp_path: Path) -> None:
    vectors = torch.arange(6.0).view(2, 3)
    store.write_alignment(EXAMPLES, vectors, tmp_path / "alignment")
    data = store.read_alignment(tmp_path / "alignment")
    examples, read = data.examples, data.user_vectors
    assert list(examples) == EXAMPLES and torch.equal(read, vectors)


def test_what_holds_nothing_is_not_written() -> None:
    assert EXAMPLES[-1].to_row() == {
        "task": "general_dialogue", "split": "train", "answer": "b", "turns": [["a", "b"]]
    }  # fmt: skip
