"""Task 4: know the items behind the recommender's item vectors.

Source: section 3.2 "item discrimination", and the public code's description → title and features → title for
`behaviour`.
Departure: the most similar item is found by cosine, not by dot product, where large norms win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher

NAME = "item_discrimination"
ABOUT_USERS = False
TITLE, SIMILAR = "title", "similar"
FROM_PREFIX = "from_"


def make_examples(teacher: Teacher) -> Iterator[Example]:
    """Per item one question about each attribute that the catalogue holds, and the most similar item.

    Every item is asked in training, and its title again in evaluation: the task is to know the recommender's
    items, and an item that was never taught has no title to be known. The splits therefore share items on purpose.
    An item to which the recommender gives no vector (all zeros) is neither asked by its vector nor an answer.
    """
    catalogue, recommender = teacher.catalogue, teacher.recommender
    item_vectors = recommender.item_vectors() if recommender.has_vectors else None
    n_rows = catalogue.n_items + 1
    similar = most_similar(item_vectors) if item_vectors is not None else np.zeros(n_rows, dtype=int)
    nameless = ~item_vectors.any(dim=1).numpy() if item_vectors is not None else np.zeros(n_rows, dtype=bool)
    for item in range(1, n_rows):
        attributes = catalogue.attributes(item)
        for aspect, answer in _questions(attributes, item).items():
            if aspect != TITLE or not nameless[item]:
                yield Example(NAME, "train", answer, items=[item], aspect=aspect)
        if similar[item]:
            yield Example(NAME, "train", [int(similar[item])], items=[item], aspect=SIMILAR)
        if not nameless[item]:
            yield Example(NAME, "test", [item], items=[item], aspect=TITLE)
        for source in ("description", "features"):
            if _text(attributes, source):
                yield Example(NAME, "test", [item], items=[item], aspect=FROM_PREFIX + source)


def most_similar(vectors: torch.Tensor, block: int = 512) -> np.ndarray:
    """The other item of the largest cosine, for each row but the padding's; a vector of zeros is like no other.

    Exact. Each pair of items is compared once, for both of them.

    Args:
        vectors: (n_items + 1, dim), row 0 = padding.
        block: Items compared with as many others at once: block² cosines are held, fastest where they fit the cache.

    Returns:
        (n_items + 1,) item ids, of equal cosines the lowest; 0 at the padding, and where there is no such item.
    """
    known = 1 + torch.nonzero(vectors[1:].any(dim=1))[:, 0]
    unit = torch.nn.functional.normalize(vectors[known].float(), dim=1)
    highest = torch.full((len(unit),), -torch.inf)
    place = torch.zeros(len(unit), dtype=torch.long)
    starts = range(0, len(unit), block)
    for start in tqdm(starts, desc="most similar items", unit="block", disable=None):
        for other in starts[start // block :]:
            cosine = unit[start : start + block] @ unit[other : other + block].T
            if start == other:
                cosine.fill_diagonal_(-torch.inf)
            else:
                _keep_highest(highest[other:], place[other:], cosine, start, dim=0)
            _keep_highest(highest[start:], place[start:], cosine, other, dim=1)
    best = torch.zeros(len(vectors), dtype=torch.long)
    best[known] = torch.where(highest.isfinite(), known[place], 0) if len(known) else known
    return best.numpy()


def _keep_highest(highest: torch.Tensor, place: torch.Tensor, cosine: torch.Tensor, first: int, dim: int) -> None:
    """Note in place where a block, whose candidates along `dim` count from `first`, is higher than all before it."""
    values = cosine.amax(dim=dim)  # many times faster than the places, which few items need
    [higher] = torch.nonzero(values > highest[: len(values)], as_tuple=True)
    highest[higher] = values[higher]
    place[higher] = first + cosine.index_select(1 - dim, higher).argmax(dim=dim)


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """Every form in which the question makes sense: a title is asked of a vector, not of the title itself."""
    allowed: tuple[Form, ...] = ("behaviour", "intention", "both")
    if example.aspect.startswith(FROM_PREFIX):
        allowed = ("behaviour",)
    elif example.aspect == TITLE:
        allowed = ("intention",)
    return dict.fromkeys(task.form_shares(mode, both_forms, allowed), 1.0)


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The question, and behind it the item or what is known of it."""
    item = example.items[0]
    if example.aspect.startswith(FROM_PREFIX):
        source = example.aspect.removeprefix(FROM_PREFIX)
        return [f"{wording.TITLE_FROM[source]}\n{_text(writer.catalogue.attributes(item), source)}"]
    shown: Form = "intention" if example.aspect == TITLE else form
    return [f"{wording.ITEM_QUESTIONS[example.aspect]}\n{wording.ITEM} ", *writer.item(shown, item)]


def score(examples: list[Example], answers: list[int | None]) -> dict[str, float]:
    """The share of items whose title is given exactly."""
    right = [answer == example.answer[0] for example, answer in zip(examples, answers, strict=True)]
    return {"title_accuracy": round(float(np.mean(right)), 4)} if right else {}


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """Titles from vectors; a mode without vectors is asked from the description and the features."""
    examples = [example for example in examples if (example.aspect == TITLE) == examiner.reads_vectors]
    if not examples:
        return Measured({})
    texts = examiner.generate(examples, examiner.max_title_tokens)
    answers = [examiner.item(text) for text in texts]
    return Measured(examiner.scored(score, examples, answers), examples, answers, texts)


def _questions(attributes: dict[str, Any], item: int) -> dict[str, Any]:
    found: dict[str, Any] = {TITLE: [item]}
    for aspect in ("brand", "categories", "features", "description"):
        if text := _text(attributes, aspect):
            found[aspect] = text
    for source in ("description", "features"):
        if source in found:
            found[FROM_PREFIX + source] = [item]
    return found


def _text(attributes: dict[str, Any], aspect: str, max_characters: int = 400) -> str:
    value = attributes[aspect]
    text = "; ".join(value) if aspect == "features" else ", ".join(value) if isinstance(value, list) else value
    return text[:max_characters].strip()
