"""An explainer names items of the shown history, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from recexplainer.data.catalogue import Catalogue
from recexplainer.llm.decoding import list_candidates
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.title_trie import title_tokens
from recexplainer.prompting.chat import Encoded


def name_shown_items(
    explainer: Explainer,
    catalogue: Catalogue,
    prompts: Sequence[Encoded],
    histories: Sequence[Sequence[int]],
    otherwise: str,
    most: int,
    batch_size: int,
    user_vectors: Tensor | None = None,
) -> list[list[int]]:
    """The items that greedy answers name, each once, in their order; none where an answer is the sentence `otherwise`.

    Args:
        explainer: Who answers.
        catalogue: The titles.
        prompts: The questions.
        histories: Per question the items that can be named.
        otherwise: What is said in the place of titles.
        most: Items that an answer names at most.
        batch_size: Prompts decoded at once.
        user_vectors: (n, dim) what the prompts' user slots point into.
    """
    tokens_of = dict(enumerate(title_tokens(explainer.encoder, catalogue.titles[1:]), start=1))
    shown = [list(dict.fromkeys(history)) for history in histories]
    candidates = [[tokens_of[item] for item in items] for items in shown]
    sentence = explainer.encoder.answer_ids(otherwise)
    places = list_candidates(explainer, prompts, candidates, batch_size, user_vectors, otherwise=sentence, most=most)
    return [[items[place] for place in named] for items, named in zip(shown, places, strict=True)]
