"""The user summary: what does this user like, in words?

Source: section 3.2; the paper takes the summaries from a stronger LLM, as `alignment.summaries` does on demand. Here
they are made from the catalogue's attributes of the history: embedded summaries, named as what they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import task
from recexplainer.tasks.task import Examiner, Measured, Teacher

NAME = "user_summary"
ABOUT_USERS = True
CATALOGUE = "catalogue"  # the author of embedded summaries


def make_examples(teacher: Teacher) -> list[Example]:
    """One example per (user, position) whose history has attributes to speak of."""
    examples = []
    for row, history in enumerate(teacher.batch.histories):
        if text := embedded_summary(history, teacher.catalogue, teacher.common):
            examples.append(replace(teacher.batch.example(row, NAME, text), author=CATALOGUE))
    return examples


def embedded_summary(history: list[int], catalogue: Catalogue, common: set[str]) -> str:
    """The two most frequent categories of a history, with two examples of its newest items; empty without
    categories.
    """
    counts: Counter[str] = Counter()
    for item in history:
        counts.update(set(catalogue.attributes(item)["categories"]) - common)
    if not counts:
        return ""
    favourites = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:2]]
    examples = [i for i in reversed(history) if set(catalogue.attributes(i)["categories"]) & set(favourites)][:2]
    titles = " and ".join(f'"{catalogue.titles[item]}"' for item in examples)
    return f"This user likes {' and '.join(favourites)}, such as {titles}."


def form_shares(example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
    """Every form of the mode."""
    return task.form_shares(mode, both_forms)


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user, and the question."""
    return [*writer.user(form, example.history, example.vector_row), wording.USER_SUMMARY]


def score(examples: list[Example], texts: list[str], names: Collection[str]) -> dict[str, float]:
    """Precision, recall and F1 of the attributes that a summary names, against those that the reference names.

    Args:
        examples: The questions, with the reference as the answer.
        texts: The summaries.
        names: What counts as an attribute, such as the catalogue's categories.

    >>> asked = [Example(NAME, "test", 'This user likes Orbit and Racing, such as "Fox".')]
    >>> score(asked, ["This user likes racing and puzzles and Nova."], {"Orbit", "Nova", "Racing", "Puzzle"})
    {'precision': 0.5, 'recall': 0.5, 'f1': 0.5}
    """
    pairs = [
        (named(text, names), named(str(example.answer), names)) for example, text in zip(examples, texts, strict=True)
    ]
    rows = [
        (_share(found & wanted, found), _share(found & wanted, wanted), _f1(found, wanted)) for found, wanted in pairs
    ]
    means = np.mean(rows, axis=0)
    return {key: round(float(mean), 4) for key, mean in zip(("precision", "recall", "f1"), means, strict=True)}


def asked(examples: Sequence[Example]) -> list[Example]:
    """All examples of the task."""
    return task.of_task(NAME, examples)


def evaluate(examiner: Examiner, examples: Sequence[Example]) -> Measured:
    """What summaries name of the categories that not nearly all items have."""
    catalogue, common = examiner.catalogue, examiner.writer.common
    names = {
        name for item in range(1, catalogue.n_items + 1) for name in catalogue.attributes(item)["categories"]
    } - common
    texts = examiner.generate(examples, examiner.longest([str(example.answer) for example in examples]))
    return Measured(examiner.scored(partial(score, names=names), examples, texts), examples, texts)


def named(text: str, names: Collection[str]) -> set[str]:
    """The names that occur in a text as whole words, in any case.

    >>> sorted(named("Nova, star racing", {"Nova", "Star Racing", "Race"}))
    ['Nova', 'Star Racing']
    """
    return {name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)}


def _share(part: set[str], whole: set[str]) -> float:
    """1 of nothing: who names nothing names nothing wrong, and where nothing is wanted nothing is missing."""
    return len(part) / len(whole) if whole else 1.0


def _f1(found: set[str], wanted: set[str]) -> float:
    n = len(found) + len(wanted)
    return 2 * len(found & wanted) / n if n else 1.0
