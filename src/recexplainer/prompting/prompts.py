"""Rendering: an example and a form become a prompt.

Forms (the paper's alignment modes): `behaviour` writes users and items as text, `intention` as vectors, `both` as both.

Source: Lei et al. 2024, sections 3.2 to 3.4. Departures: a vector replaces the embedding of its slot (as the paper
says; the public code adds the two), and an item's text may state the categories that the catalogue holds for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, cast

from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Content, Encoded, Slot

Form = Literal["behaviour", "intention", "both"]
FORMS: tuple[Form, ...] = ("behaviour", "intention", "both")
_COMMON_SHARE = 0.6  # what more of the items hold says nothing of one
_BRAND_WORDS = 4  # of a brand that stands for a category; longer ones are lists or sentences


class PromptTooLongError(InputError):
    """A prompt that does not fit even without history.

    Args:
        task: Its task.
        n_tokens: What it needs without any history.
        max_tokens: What is allowed.
    """

    def __init__(self, task: str, n_tokens: int, max_tokens: int) -> None:
        self.task, self.n_tokens = task, n_tokens
        super().__init__(
            f"a prompt of task {task} needs {n_tokens} tokens without any history, more than the {max_tokens} allowed: "
            "raise max_prompt_tokens, or choose a model with a longer context"
        )


def form_of(mode: str) -> Form:
    """The form in which an explainer of a mode is asked; `none`, the unaligned base, reads text, and what
    `template` is asked for is written down as text.
    """
    return cast(Form, "behaviour" if mode in ("none", "template") else mode)


class PromptWriter:
    """Writes users, items and questions in any form.

    Args:
        catalogue: The titles and attributes.
        n_categories: How many categories follow a title in parentheses; 0 writes titles only, as the paper does.
            Categories that most items share are left out. Where that leaves most items none, as in a shop of gift
            cards, an item's brand comes before the others.
    """

    def __init__(self, catalogue: Catalogue, n_categories: int) -> None:
        self.catalogue = catalogue
        self.common = common_categories(catalogue)
        known = [catalogue.attributes(item) for item in range(1, catalogue.n_items + 1)]
        told = _without(self.common, [item["categories"] for item in known])
        if 2 * sum(map(bool, told)) < len(known):
            brands = [self._brand(item["brand"]) for item in known]
            brands = _without(_common(brands), brands)
            told = [list(dict.fromkeys(brand + names)) for names, brand in zip(told, brands, strict=True)]
        self._categories = [[], *(names[:n_categories] for names in told)]

    def _brand(self, brand: str) -> list[str]:
        """A brand, if it is one: not what all items are called, no title, and as short as a value in a text is."""
        is_value = 0 < len(brand.split()) <= _BRAND_WORDS
        is_name = brand.casefold() in {name.casefold() for name in self.common} or brand in self.catalogue.item_of_title
        return [brand] if is_value and not is_name else []

    def categories(self, item_id: int) -> list[str]:
        """The categories that follow an item's title."""
        return self._categories[item_id]

    def item_text(self, item_id: int, further: Sequence[str] = ()) -> str:
        """An item in words: its title and what is known of it; `further` values follow the categories."""
        names = [*self.categories(item_id), *further]
        return self.catalogue.titles[item_id] + (f" ({', '.join(names)})" if names else "")

    def item(self, form: Form, item_id: int, further: Sequence[str] = ()) -> list[str | Slot]:
        """An item inside a prompt."""
        if form == "behaviour":
            return [self.item_text(item_id, further)]
        slot = Slot("item", item_id)
        return [slot] if form == "intention" else [slot, " " + self.item_text(item_id, further)]

    def candidate(self, form: Form, item_id: int) -> list[str | Slot]:
        """An item to be ranked: with the title alone, which is what the answer repeats."""
        if form == "behaviour":
            return [self.catalogue.titles[item_id]]
        slot = Slot("item", item_id)
        return [slot] if form == "intention" else [slot, " " + self.catalogue.titles[item_id]]

    def user(self, form: Form, history: Sequence[int], vector_row: int) -> list[str | Slot]:
        """The user at the head of a prompt: the history, the recommender's user vector, or both; ends with a new
        line.
        """
        content: list[str | Slot] = []
        if form != "behaviour":
            content += [f"{wording.USER} ", Slot("user", vector_row), "\n"]
        if form != "intention":
            content.append(wording.HISTORY + "\n")
            for item_id in history:
                content += [*self.item(form, item_id), "\n"]
        return content

    def titles(self, item_ids: Sequence[int]) -> str:
        """An answer that lists items: one title per line (titles hold no line breaks; they do hold commas and
        semicolons).
        """
        return "\n".join(self.catalogue.titles[item_id] for item_id in item_ids)


def common_categories(catalogue: Catalogue) -> set[str]:
    """Categories that most items have, and that therefore say nothing about one."""
    return _common([catalogue.attributes(item)["categories"] for item in range(1, catalogue.n_items + 1)])


def _common(lists: Sequence[Sequence[str]]) -> set[str]:
    counts = Counter(name for names in lists for name in set(names))
    return {name for name, count in counts.items() if count > _COMMON_SHARE * len(lists)}


def _without(common: set[str], lists: Sequence[Sequence[str]]) -> list[list[str]]:
    """Lists without repeats, and without the common names."""
    return [[name for name in dict.fromkeys(names) if name not in common] for names in lists]


def answer_text(writer: PromptWriter, example: Example) -> str:
    """The words of an example's answer."""
    return example.answer if isinstance(example.answer, str) else writer.titles(example.answer)


def shorten(encode: Callable[[Example], Encoded], example: Example, max_tokens: int) -> tuple[Encoded, Example]:
    """The first encoding of at most `max_tokens` as the oldest history goes, and the example as it is then shown.

    Raises:
        PromptTooLongError: If it does not fit even without history.
    """
    for start in range(len(example.history) + 1):
        shown = replace(example, history=example.history[start:]) if start else example
        encoded = encode(shown)
        if len(encoded) <= max_tokens:
            return encoded, shown
    raise PromptTooLongError(example.task, len(encoded), max_tokens)


def merge_text(content: Content) -> list[str | Slot]:
    """Join neighbouring texts, so that the tokenizer sees whole lines."""
    merged: list[str | Slot] = []
    for piece in content:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged


def readable(content: Content) -> str:
    """A prompt for people: slots are shown as <user> and <item>."""
    return "".join(f"<{piece.kind}>" if isinstance(piece, Slot) else piece for piece in content)
