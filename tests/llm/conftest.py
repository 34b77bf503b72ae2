from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recexplainer.llm.explainer import Explainer
from recexplainer.llm.title_trie import Trie
from recexplainer.prompting.chat import Encoded, Slot
from tests import tiny


@pytest.fixture(scope="module")
def explainer(base: Path) -> Explainer:
    """Mode both, so that prompts hold slots."""
    return tiny.explainer(base, "both")


@pytest.fixture(scope="module")
def prompts(explainer: Explainer) -> list[Encoded]:
    """Prompts of different lengths, some with vectors."""
    contents: list[list[Any]] = [
        ["Which title?"],
        ["User: ", Slot("user", 1), "\nWhich item does the recommender rank first for this user?"],
        ["Item: ", Slot("item", 5), " and ", Slot("item", 2), "\nWhat is the title?"],
        ["History, oldest first:\nFox\nRust\nIron Wolf\nAmber Gate\nWhich title?"],
        ["x"],
    ]
    return [explainer.encoder.prompt(content) for content in contents]


@pytest.fixture(scope="module")
def titles(explainer: Explainer) -> list[list[int]]:
    return [list(explainer.encoder.answer_ids(title)) for title in tiny.TITLES]


@pytest.fixture(scope="module")
def trie(explainer: Explainer, titles: list[list[int]]) -> Trie:
    return Trie(titles, explainer.encoder.end_ids[0])
