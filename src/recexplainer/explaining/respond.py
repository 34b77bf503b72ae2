"""An explainer that people ask: about any history and item, named as they know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.places import items_at
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.settings.explaining import Audience, Explain
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.sentences import load_sentences
from recexplainer.explaining.cases import Case, case_of
from recexplainer.explaining.generate import ExplanationGenerator
from recexplainer.explaining.names import ItemNames
from recexplainer.explaining.replies import Replier
from recexplainer.explaining.reply import Origin, Reply
from recexplainer.explaining.template import TemplateWriter
from recexplainer.llm.base_model import context_tokens
from recexplainer.llm.explainer import Explainer, load_explainer
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.prompting.requests import load_request
from recexplainer.recommenders.base import Recommender
from recexplainer.serving.fields import read_choice, read_number, read_optional_number, read_words

PROMPT_TOKENS, BATCH_SIZE = 2048, 16
NEW_TOKENS, MAX_NEW_TOKENS = 80, 512  # of an explanation: by default, and at most
MAX_TOP_K, MAX_SENTENCES = 50, 20
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
LIST_LENGTH = 5  # of a list of recommendations, which an item falls out of


@dataclass(frozen=True)
class Question:
    """An item for a history, both by their ids in the catalogue, oldest first."""

    history: list[int]
    item: int


@dataclass(frozen=True)
class Options:
    """How an explanation is asked for.

    Attributes:
        max_new_tokens: Its greatest length.
        focus: The aspect to speak of above all.
        audience: Whom it is for.
        max_sentences: The length that is asked for.
    """

    max_new_tokens: int = NEW_TOKENS
    focus: str | None = None
    audience: Audience | None = None
    max_sentences: int | None = None


def read_options(params: Mapping[str, Any], context: int | None) -> Options:
    """Options as they were sent; `max_new_tokens` is at most half of what the LLM's context holds.

    Args:
        params: The options that are given.
        context: Tokens of the context; None: no bound.

    Raises:
        InputError: If one is of another kind, or out of range.
    """
    longest = MAX_NEW_TOKENS if context is None else max(NEW_TOKENS, min(MAX_NEW_TOKENS, context // 2))
    return Options(
        read_number(params, "max_new_tokens", NEW_TOKENS, 1, longest),
        read_words(params, "focus"),
        read_choice(params, "audience", AUDIENCES),
        read_optional_number(params, "max_sentences", 1, MAX_SENTENCES),
    )


class Responder:
    """An explainer with its recommender and catalogue; it does not change after it was made.

    Args:
        explainer: Who explains, with the recommender that decided.
        prompts: Titles and attributes.
        origin: Where the explainer comes from.

    Raises:
        InputError: If the explainer does not say what its recommender's decisions are.
    """

    def __init__(self, explainer: Explainer, prompts: PromptWriter, origin: Origin) -> None:
        assert explainer.recommender is not None
        self.recommender: Recommender = explainer.recommender
        self.names = ItemNames(prompts.catalogue)
        self._explainer, self._prompts, self.origin = explainer, prompts, origin
        self._sentences = load_sentences(None)
        try:
            self._bounds = Bounds(LIST_LENGTH, explainer.settings["like_top"], explainer.settings["dislike_bottom"])
        except KeyError as error:
            raise InputError(f"the explainer lacks {error}, which alignment now stores with it: align again") from None

    def read_options(self, params: Mapping[str, Any]) -> Options:
        """See the function of this name."""
        return read_options(params, context_tokens(self._explainer.llm.config))

    def answer(self, questions: Sequence[Question], options: Options) -> list[Reply]:
        """One reply per question; what is asked together is computed together."""
        cases = self.cases(questions)
        return Replier(self.template(options), self.origin).replies(cases, self.explain(cases, options))

    def cases(self, questions: Sequence[Question]) -> list[Case]:
        """The recommender's decisions that questions are about."""
        shown = self._explainer.settings["max_history"]
        shares = self._bounds.like_top, self._bounds.dislike_bottom
        table = self.recommender.each_scores([question.history for question in questions])
        return [
            case_of(question.history, question.item, scores, *shares, shown, row)
            for row, (question, scores) in enumerate(zip(questions, table, strict=True))
        ]

    def explain(self, cases: Sequence[Case], options: Options) -> list[Explanation]:
        """The explainer's own texts, also those with defects, with all that is recorded of them."""
        chosen = _settings(options)
        vectors = None
        if self.recommender.has_vectors:
            vectors = self.recommender.user_vectors([case.history for case in cases])
        given = (load_request(chosen), chosen, self.origin.as_record(), self.recommender)
        with torch.inference_mode():
            return ExplanationGenerator(self._explainer, self._prompts, *given).explain(cases, vectors)

    def template(self, options: Options) -> TemplateWriter:
        """Writes what the recommender itself says of its decisions."""
        request = load_request(_settings(options))
        return TemplateWriter(self.recommender, self._prompts, request, self._sentences, self._bounds)

    def best_items(self, history: Sequence[int], k: int) -> list[int]:
        """The recommender's `k` best items outside the history, best first."""
        scores = self.recommender.scores([history], exclude_seen=True)[0].double().cpu().numpy()
        places = range(min(k, int(np.isfinite(scores).sum())))
        return [int(item) for item in items_at(scores, places)]


def open_responder(folder: Path, base: str | None, name: str | None, version: str | None, content: str) -> Responder:
    """The explainer of a model folder, with the catalogue next to it.

    Args:
        folder: What the stage `align` wrote.
        base: Where the base LLM is now; None: where it was during alignment, or as RECEXPLAINER_BASE says.
        name: The registered model's name, where there is one.
        version: Its version.
        content: The hash of the folder.

    Raises:
        InputError: If the folder or the base LLM is not what it should be.
    """
    explainer = load_explainer(folder, base=base)
    catalogue = store.read_catalogue(folder / store.CATALOGUE.name)
    writer = PromptWriter(catalogue, explainer.settings["n_categories"])
    return Responder(explainer, writer, Origin(name, version, content))


def _settings(options: Options) -> Explain:
    return Explain(
        sources=["both"],
        n_cases=1,
        top_k=LIST_LENGTH,
        evidence="recommender",
        facts="guided",
        counterfactual="none",
        template=None,
        sentences=None,
        focus=options.focus,
        max_sentences=options.max_sentences,
        audience=options.audience,
        max_prompt_tokens=PROMPT_TOKENS,
        max_new_tokens=options.max_new_tokens,
        batch_size=BATCH_SIZE,
        save_every=1,
    )
