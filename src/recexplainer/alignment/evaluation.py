"""How well an explainer predicts its recommender, on users whose histories it was not aligned on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from recexplainer.alignment.intervals import Score, auc_interval, mean_intervals
from recexplainer.core.errors import InputError
from recexplainer.core.settings import EvaluateAlignment
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.llm import decoding
from recexplainer.llm.beams import Beam, Space, beam_search
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.title_trie import Trie, title_tokens
from recexplainer.prompting import wording
from recexplainer.prompting.chat import Encoded
from recexplainer.prompting.prompts import Form, PromptWriter
from recexplainer.tasks import (
    explanation,
    general_dialogue,
    history_reconstruction,
    interest_classification,
    item_discrimination,
    item_ranking,
    next_item_retrieval,
    user_summary,
)
from recexplainer.tasks.rendering import fit

Row = dict[str, Any]
EXPLANATION_TOKENS = 80


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one explainer, and what it answered to every example."""

    metrics: dict[str, Any]
    answers: list[Row]


def evaluate(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    settings: EvaluateAlignment,
    seed: int = 0,
    user_vectors: Tensor | None = None,
) -> Evaluation:
    """All alignment metrics that the explainer's mode has, on the given test examples.

    Beside each metric stands its interval, `<metric>_interval`, over `settings.n_draws` draws of users by `seed`.
    The examples' `vector_row` points into `user_vectors` (n, dim).

    Raises:
        InputError: If `settings.tasks` names a task without a metric, or nothing of them all is asked.
    """
    unknown = [task for task in settings.tasks if task not in EVALUATIONS]
    if unknown:
        raise InputError(f"evaluate_alignment.tasks: {unknown[0]!r} has no metric; known: {', '.join(EVALUATIONS)}")
    asked_by_task = {task: asked for task in settings.tasks if (asked := _asked(examples, task))}
    if not asked_by_task:
        raise InputError(f"evaluate_alignment.tasks: there is no test example of {', '.join(settings.tasks)}")
    metrics: dict[str, Any] = {}
    answers: list[Row] = []
    n_examples = {}
    for task, asked in asked_by_task.items():
        result, rows = EVALUATIONS[task](_Examiner(explainer, writer, settings, seed, user_vectors), asked)
        if rows:
            metrics[task] = result
            answers += rows
            n_examples[task] = len(rows)
    return Evaluation({**metrics, "n_examples": n_examples}, answers)


def _asked(examples: Sequence[Example], task: str) -> list[Example]:
    """The examples of a task; explanations are asked for by questions of interest that end in their words."""
    if task == explanation.NAME:
        asked = [e for e in examples if e.task == interest_classification.NAME]
        return [replace(e, task=task, aspect="") for e in asked if e.aspect == interest_classification.EXPLAIN]
    return [example for example in examples if example.task == task]


def resolve_title(catalogue: Catalogue, text: str) -> int | None:
    """The item whose title a text is, exactly but for blanks around it; None if there is none."""
    return catalogue.item_of_title.get(text.strip())


class _Examiner:
    """Asks one explainer and reads its answers."""

    def __init__(
        self,
        explainer: Explainer,
        writer: PromptWriter,
        settings: EvaluateAlignment,
        seed: int,
        user_vectors: Tensor | None,
    ) -> None:
        self.explainer, self.writer, self.settings, self.seed = explainer, writer, settings, seed
        self.user_vectors = user_vectors
        self.catalogue = writer.catalogue

    @property
    def reads_vectors(self) -> bool:
        return self.explainer.mode in ("intention", "both")

    def prompts(self, examples: Sequence[Example], n_new: int = 0, form: str | None = None) -> list[Encoded]:
        """Prompts that leave room for an answer of `n_new` tokens in the LLM's context."""
        room = self.explainer.room(self.settings.max_prompt_tokens, n_new)
        groups: dict[tuple[int, int], int] = {}
        chosen: Form = form or self.explainer.form  # type: ignore[assignment]
        return [
            fit(
                self.explainer.encoder, self.writer, example, chosen, room,
                with_answer=False, group=groups.setdefault((example.user_id, example.position), len(groups)),
            )
            for example in examples
        ]  # fmt: skip

    def generate(self, examples: Sequence[Example], max_new_tokens: int, form: str | None = None) -> list[str]:
        prompts = self.prompts(examples, max_new_tokens, form)
        size = self.settings.batch_size
        return decoding.generate(self.explainer, prompts, max_new_tokens, size, self.user_vectors)

    def beams(self, examples: Sequence[Example], trie: Trie) -> list[list[list[Beam]]]:
        """Beams in the tree, of which no title is too long to be found, and free ones."""
        spaces = [Space(trie.depth, trie), Space(self.settings.max_title_tokens)]
        prompts = self.prompts(examples, max(space.max_tokens for space in spaces))
        size = self.settings.batch_size
        return beam_search(self.explainer, prompts, self.settings.n_beams, spaces, size, self.user_vectors)

    def longest(self, texts: Iterable[str]) -> int:
        """The tokens of the longest answer, with its end."""
        return 1 + max(len(self.explainer.encoder.answer_ids(text)) for text in texts)

    def listed(self, texts: Sequence[str]) -> list[list[int | None]]:
        """The items of answers that name one per line."""
        return [[resolve_title(self.catalogue, line) for line in text.splitlines()] for text in texts]

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


def _evaluate_retrieval(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    """Beams over the catalogue's titles, and free beams beside them (the paper's way; invalid titles count as
    misses).
    """
    catalogue, encoder = examiner.catalogue, examiner.explainer.encoder
    sequences = title_tokens(encoder, catalogue.titles[1:])
    trie = Trie(sequences, decoding.end_id(examiner.explainer))
    item_of = {tuple(tokens): item for item, tokens in enumerate(sequences, start=1)}
    in_trie, anywhere = examiner.beams(examples, trie)
    constrained = [[item_of.get(tuple(b.tokens)) for b in beams] for beams in in_trie]
    texts = [
        [encoder.tokenizer.decode(b.tokens, clean_up_tokenization_spaces=False) for b in beams] for beams in anywhere
    ]
    free = [[resolve_title(catalogue, text) for text in row] for row in texts]
    both = [
        examiner.scored(next_item_retrieval.score, examples, found, {"invalid_rate": [len(items) for items in found]})
        for found in (constrained, free)
    ]
    invalid = {"invalid_rate", "invalid_rate_interval"}  # constrained beams have none by construction
    metrics = {key: value for key, value in both[0].items() if key not in invalid}
    metrics |= {key: value for key, value in both[1].items() if key in invalid} | {"free": both[1]}
    return metrics, _rows(examples, constrained, texts)


def _evaluate_ranking(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    """The candidates in the order in which the answer names them, one title per line."""
    encoder, titles = examiner.explainer.encoder, examiner.catalogue.titles
    line_break = encoder.answer_ids("\n")
    tokens_of = dict(enumerate(title_tokens(encoder, titles[1:]), start=1))
    candidates = [[tokens_of[item] for item in example.items] for example in examples]
    longest = max(sum(len(tokens) + len(line_break) for tokens in lines) for lines in candidates)
    if examiner.settings.ranking == "free":
        texts = examiner.generate(examples, longest)
        answers = examiner.listed(texts)
        return examiner.scored(item_ranking.score, examples, answers), _rows(examples, answers, texts)
    prompts = examiner.prompts(examples, longest)
    size = examiner.settings.batch_size
    orders = decoding.rank_candidates(examiner.explainer, prompts, candidates, size, examiner.user_vectors)
    ranked = [[example.items[place] for place in order] for example, order in zip(examples, orders, strict=True)]
    return examiner.scored(item_ranking.score, examples, ranked), _rows(examples, ranked)


def _evaluate_classification(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    examples = [example for example in examples if example.aspect == interest_classification.PLAIN]
    prompts, row_tokens = examiner.prompts(examples), examiner.settings.row_tokens
    p_yes = decoding.p_yes(examiner.explainer, prompts, row_tokens, examiner.user_vectors)
    rows = _rows(examples, [round(float(p), 6) for p in p_yes])
    if not examples:
        return {}, rows

    def score(asked: list[Example], chances: list[float]) -> dict[str, float]:
        return interest_classification.score(asked, np.array(chances))

    labels = np.array([example.answer == wording.YES for example in examples])
    interval = auc_interval(examples, labels, p_yes, examiner.settings.n_draws, examiner.seed)
    return {**examiner.scored(score, examples, list(p_yes)), **interval}, rows


def _evaluate_reconstruction(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    if not examiner.reads_vectors:
        return {}, []
    budget = examiner.settings.max_title_tokens * max(len(example.history) for example in examples)
    texts = examiner.generate(examples, budget)
    answers = examiner.listed(texts)
    return examiner.scored(history_reconstruction.score, examples, answers), _rows(examples, answers, texts)


def _evaluate_discrimination(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    """Titles from vectors; a mode without vectors is asked from the description and the features."""
    wanted = examiner.reads_vectors
    examples = [example for example in examples if (example.aspect == item_discrimination.TITLE) == wanted]
    if not examples:
        return {}, []
    texts = examiner.generate(examples, examiner.settings.max_title_tokens)
    answers = [resolve_title(examiner.catalogue, text) for text in texts]
    return examiner.scored(item_discrimination.score, examples, answers), _rows(examples, answers, texts)


def _evaluate_summaries(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    """What summaries name of the categories that not nearly all items have."""
    catalogue, common = examiner.catalogue, examiner.writer.common
    names = {
        name for item in range(1, catalogue.n_items + 1) for name in catalogue.attributes(item)["categories"]
    } - common
    texts = examiner.generate(examples, examiner.longest(str(example.answer) for example in examples))
    score = partial(user_summary.score, names=names)
    return examiner.scored(score, examples, texts), _rows(examples, texts)


def _evaluate_dialogues(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    texts = examiner.generate(examples, examiner.longest(example.turns[0][1] for example in examples))
    return examiner.scored(general_dialogue.score, examples, texts), _rows(examples, texts)


def _evaluate_explanations(examiner: _Examiner, examples: list[Example]) -> tuple[Row, list[Row]]:
    """Questions of interest in the explanation's words, answered to the end."""
    texts = examiner.generate(examples, EXPLANATION_TOKENS)
    score = partial(explanation.score, titles=examiner.catalogue.titles)
    return examiner.scored(score, examples, texts), _rows(examples, texts)


EVALUATIONS: dict[str, Callable[[_Examiner, list[Example]], tuple[Row, list[Row]]]] = {
    next_item_retrieval.NAME: _evaluate_retrieval,
    item_ranking.NAME: _evaluate_ranking,
    interest_classification.NAME: _evaluate_classification,
    history_reconstruction.NAME: _evaluate_reconstruction,
    item_discrimination.NAME: _evaluate_discrimination,
    user_summary.NAME: _evaluate_summaries,
    general_dialogue.NAME: _evaluate_dialogues,
    explanation.NAME: _evaluate_explanations,
}


def _rows(examples: Sequence[Example], answers: Iterable[Any], texts: Iterable[Any] | None = None) -> list[Row]:
    rows = [
        {
            "task": example.task,
            "aspect": example.aspect,
            "user_id": example.user_id,
            "position": example.position,
            "items": example.items,
            "expected": example.answer,
            "answer": answer,
        }
        for example, answer in zip(examples, answers, strict=True)
    ]
    for row, text in zip(rows, texts or [], strict=False):
        row["text"] = text
    return rows
