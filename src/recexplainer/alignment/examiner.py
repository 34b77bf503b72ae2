"""Asking an explainer: prompts, decoding, and the reading of what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from recexplainer.alignment.intervals import auc_interval, mean_intervals
from recexplainer.core.settings import EvaluateAlignment
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.llm import decoding
from recexplainer.llm.beams import Space, beam_search
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.naming import name_shown_items
from recexplainer.llm.title_trie import Trie, title_tokens
from recexplainer.prompting.chat import Encoded, grouped
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks.rendering import fit_prompt
from recexplainer.tasks.task import Row, Score


class LlmExaminer:
    """Asks one explainer the questions of the tasks (see `recexplainer.tasks.task.Examiner`).

    Args:
        explainer: The explainer.
        writer: Writes prompts.
        settings: Decoding, and the draws of the intervals.
        seed: Of the draws.
        user_vectors: (n, dim) what the examples' `vector_row` points into.
        interactions: Of which a user's items before the position are no answer, as the recommender does not rank them;
            None: the shown ones are none.
    """

    def __init__(
        self,
        explainer: Explainer,
        writer: PromptWriter,
        settings: EvaluateAlignment,
        seed: int,
        user_vectors: Tensor | None,
        interactions: Interactions | None = None,
    ) -> None:
        self.explainer, self.writer, self.settings, self.seed = explainer, writer, settings, seed
        self.user_vectors, self.interactions = user_vectors, interactions
        self.catalogue = writer.catalogue
        self.max_title_tokens = settings.max_title_tokens

    @property
    def form(self) -> Form:
        """The form in which the explainer is asked."""
        return self.explainer.form

    @property
    def reads_vectors(self) -> bool:
        """Whether the explainer's mode shows it vectors."""
        return self.explainer.mode in ("intention", "both")

    def retrieve(self, examples: Sequence[Example]) -> tuple[list[list[int | None]], list[list[str]]]:
        """Beams in the tree of the titles outside of the history, none too long to be found, and free beams."""
        encoder = self.explainer.encoder
        sequences = title_tokens(encoder, self.catalogue.titles[1:])
        trie = Trie(sequences, decoding.end_id(self.explainer))
        barred = [trie.barred(sequences[item - 1] for item in self._history(example)) for example in examples]
        spaces = [Space(trie.depth, trie, barred), Space(self.max_title_tokens)]
        prompts = self._prompts(examples, max(space.max_tokens for space in spaces))
        size = self.settings.batch_size
        in_trie, free = beam_search(self.explainer, prompts, self.settings.n_beams, spaces, size, self.user_vectors)
        item_of = {tuple(tokens): item for item, tokens in enumerate(sequences, start=1)}
        items = [[item_of.get(tuple(beam.tokens)) for beam in beams] for beams in in_trie]
        decode = encoder.tokenizer.decode
        return items, [[decode(b.tokens, clean_up_tokenization_spaces=False) for b in beams] for beams in free]

    def rank(self, examples: Sequence[Example]) -> tuple[list[list[int | None]], list[str]]:
        """The candidates in order: as constrained decoding names them, or as free text does, which is returned too."""
        encoder = self.explainer.encoder
        line_break = encoder.answer_ids("\n")
        tokens_of = dict(enumerate(title_tokens(encoder, self.catalogue.titles[1:]), start=1))
        candidates = [[tokens_of[item] for item in example.items] for example in examples]
        longest = max(sum(len(tokens) + len(line_break) for tokens in lines) for lines in candidates)
        if self.settings.ranking == "free":
            texts = self.generate(examples, longest)
            return self.listed(texts), texts
        prompts, size = self._prompts(examples, longest), self.settings.batch_size
        orders = decoding.list_candidates(self.explainer, prompts, candidates, size, self.user_vectors)
        return [[example.items[place] for place in order] for example, order in zip(examples, orders, strict=True)], []

    def name(self, examples: Sequence[Example], otherwise: str, most: int) -> list[list[int]]:
        """Items of the shown history as constrained decoding names them; none where it says `otherwise`."""
        histories = [example.history for example in examples]
        longest = max(self.longest([self.catalogue.titles[item] for item in history]) for history in histories)
        prompts = self._prompts(examples, max(self.longest([otherwise]), most * longest))
        given = (otherwise, most, self.settings.batch_size, self.user_vectors)
        return name_shown_items(self.explainer, self.catalogue, prompts, histories, *given)

    def p_yes(self, examples: Sequence[Example]) -> np.ndarray:
        """(n,) the probability of Yes against No; what the questions about one history share is read once."""
        prompts = grouped(self._prompts(examples), ((e.vector_row, *e.history) for e in examples))
        return decoding.p_yes(self.explainer, prompts, self.settings.row_tokens, self.user_vectors)

    def generate(self, examples: Sequence[Example], max_new_tokens: int) -> list[str]:
        """A text per question."""
        prompts, size = self._prompts(examples, max_new_tokens), self.settings.batch_size
        return decoding.generate(self.explainer, prompts, max_new_tokens, size, self.user_vectors)

    def longest(self, texts: Sequence[str]) -> int:
        """The number of tokens of the longest text, with its end."""
        return 1 + max(len(self.explainer.encoder.answer_ids(text)) for text in texts)

    def item(self, text: str) -> int | None:
        """The item whose title a text is, exactly but for blanks around it; None if there is none."""
        return self.catalogue.item_of_title.get(text.strip())

    def listed(self, texts: Sequence[str]) -> list[list[int | None]]:
        """The items of texts that name one per line; None where a line is not a title."""
        return [[self.item(line) for line in text.splitlines()] for text in texts]

    def scored(
        self,
        score: Score,
        examples: Sequence[Example],
        answers: Sequence[Any],
        sizes: Mapping[str, Sequence[int]] | None = None,
    ) -> Row:
        """A task's metrics and their intervals (see `mean_intervals`)."""
        given = (score, examples, answers, self.settings.n_draws, self.seed, sizes)
        return {**score(list(examples), list(answers)), **mean_intervals(*given)}

    def auc_interval(self, examples: Sequence[Example], labels: np.ndarray, p_yes: np.ndarray) -> Row:
        """The interval of the area under the ROC curve."""
        return {**auc_interval(examples, labels, p_yes, self.settings.n_draws, self.seed)}

    def _history(self, example: Example) -> list[int]:
        """The whole history, if it is known here."""
        if self.interactions is None:
            return example.history
        return self.interactions.history(example.user_id, example.position)

    def _prompts(self, examples: Sequence[Example], n_new: int = 0) -> list[Encoded]:
        """Prompts that leave an answer of `n_new` tokens its place in the LLM's context."""
        budget = self.explainer.prompt_budget(self.settings.max_prompt_tokens, n_new)
        given = self.explainer.encoder, self.writer
        return [fit_prompt(*given, example, self.explainer.form, budget) for example in examples]
