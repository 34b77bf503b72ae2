"""The user summary: what does this user like, in words?

Source: section 3.2; the paper takes the summaries from a stronger LLM, as `alignment.summaries` does on demand. Here
they are made from the catalogue's attributes of the history: embedded summaries, named as what they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from recexplainer.alignment import wording
from recexplainer.alignment.chat import Slot
from recexplainer.alignment.examples import Example, TeacherBatch
from recexplainer.alignment.prompts import Form, PromptWriter
from recexplainer.data.catalogue import Catalogue

NAME = "user_summary"
CATALOGUE = "catalogue"  # the author of embedded summaries


def make_examples(batch: TeacherBatch, catalogue: Catalogue, common: set[str]) -> list[Example]:
    """One example per (user, position) whose history has attributes to speak of.

    Args:
        batch: The pairs.
        catalogue: The attributes.
        common: Categories that too many items share to say anything.
    """
    examples = []
    for row, history in enumerate(batch.histories):
        if text := embedded_summary(history, catalogue, common):
            examples.append(replace(batch.example(row, NAME, text), author=CATALOGUE))
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


def question(writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
    """The user, and the question."""
    return [*writer.user(form, example.history, example.vector_row), wording.USER_SUMMARY]
