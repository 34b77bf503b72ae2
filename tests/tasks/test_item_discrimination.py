from __future__ import annotations

import numpy as np
import torch

from recexplainer.data.examples import Example
from recexplainer.prompting.chat import Slot
from recexplainer.tasks.item_discrimination import (
    NAME,
    TITLE,
    form_shares,
    make_examples,
    most_similar,
    question,
    score,
)
from tests import tiny
from tests.sizes import LargestTensor
from tests.tasks import teacher


def test_most_similar_is_by_angle_and_not_by_norm() -> None:
    vectors = torch.tensor([[0.0, 0], [1, 0.1], [1, 0], [50, 50], [0, 1]])
    assert most_similar(vectors).tolist() == [0, 2, 1, 1, 3]  # by dot product all would name item 3
    assert (vectors[1:] @ vectors[1:].T).argmax(dim=1).tolist() == [2, 2, 2, 2]


def test_most_similar_equals_brute_force_in_chunks_of_any_size() -> None:
    vectors = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    vectors[0] = 100.0  # the padding is never an answer
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    cosine = (unit @ unit.T).fill_diagonal_(-2)
    cosine[:, 0] = -2
    for chunk in (1, 7, 100):
        assert most_similar(vectors, chunk)[1:].tolist() == cosine[1:].argmax(dim=1).tolist()
    assert most_similar(vectors)[0] == 0


def test_the_most_similar_items_take_no_more_memory_than_a_block() -> None:
    n, block = 3000, 128
    vectors = torch.randn(n + 1, 4, generator=torch.Generator().manual_seed(0))
    vectors[[5, 9, 700]] = 0.0
    vectors[[20, 1500, 2900]] = torch.eye(4)[0]  # equal cosines: the lowest id is the answer
    with LargestTensor() as seen:
        found = most_similar(vectors, block)
    assert seen.n_numbers <= max(block**2, vectors.numel())  # all pairs at once are 9 million
    assert found.tolist() == plainly_most_similar(vectors)


def plainly_most_similar(vectors: torch.Tensor) -> list[int]:
    """By all pairs at once."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    cosine = (unit @ unit.T).fill_diagonal_(-torch.inf)
    missing = ~vectors.any(dim=1)
    missing[0] = True
    cosine[:, missing] = -torch.inf
    return cosine.argmax(dim=1).masked_fill(missing, 0).tolist()


def test_every_attribute_that_the_catalogue_holds_is_asked_in_training() -> None:
    examples = list(make_examples(teacher.of()))
    taught = {(e.items[0], e.aspect): e.answer for e in examples if e.split == "train"}
    assert taught[1, "brand"] == "Wolf Works" and (2, "brand") not in taught
    assert taught[1, "categories"] == "Video Games, Orbit, Puzzle"
    assert taught[1, "features"] == "Players: online" and (3, "features") not in taught
    assert taught[3, "description"] == "Game number 3." and taught[3, "from_description"] == [3]
    assert (3, "from_features") not in taught and taught[1, "from_features"] == [1]
    assert all(taught[item, TITLE] == [item] for item in range(1, 13))
    assert all(taught[item, "similar"] != [item] for item in range(1, 13))
    assert sum(e.split == "test" and e.aspect == TITLE for e in examples) == 12


def test_an_item_without_a_vector_is_neither_asked_by_it_nor_like_another() -> None:
    """An external recommender may not know all items."""
    vectors = torch.tensor([[0.0, 0], [0, 0], [1, 0], [-1, 0.1], [0, 0]])
    assert most_similar(vectors).tolist() == [0, 0, 3, 2, 0]  # 1 and 4 would be nearer, at a cosine of 0
    assert most_similar(vectors[:3]).tolist() == [0, 0, 0]
    items = tiny.mf().item_vectors()
    items[[2, 5]] = 0
    examples = list(make_examples(teacher.of(recommender=teacher.with_vectors(items))))
    asked = {(e.items[0], e.aspect, e.split) for e in examples}
    for item in (2, 5):
        assert {aspect for i, aspect, _ in asked if i == item} == {"categories", "description", "from_description"} | (
            {"brand", "features", "from_features"} if item == 5 else {"features", "from_features"}
        )
    assert all(e.answer not in ([2], [5]) for e in examples if e.aspect == "similar")
    assert (1, TITLE, "train") in asked and (1, TITLE, "test") in asked


def test_without_vectors_nothing_is_similar() -> None:
    assert not [e for e in make_examples(teacher.of(recommender=teacher.with_vectors(None))) if e.aspect == "similar"]


def test_a_title_is_asked_of_the_vector_and_never_beside_itself() -> None:
    example = Example(NAME, "train", [6], items=[6], aspect=TITLE)
    shares = {"behaviour": 0.2, "intention": 0.3, "both": 0.5}
    assert form_shares(example, "both", shares) == {"intention": 1.0}
    assert form_shares(example, "behaviour", shares) == {}
    for form in ("behaviour", "intention", "both"):
        content = question(tiny.writer(), example, form)  # type: ignore[arg-type]
        assert Slot("item", 6) in content and "Slot <item>" not in "".join(map(str, content))


def test_titles_with_separators_are_compared_whole() -> None:
    asked = [Example(NAME, "test", [item], items=[item]) for item in (1, 3, 5)]
    assert score(asked, [1, 3, None]) == {"title_accuracy": 0.6667}
    assert np.isclose(score(asked, [3, 1, None])["title_accuracy"], 0)
