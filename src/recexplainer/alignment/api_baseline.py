"""A model behind an API in the explainer's place, with solved questions before each.

Source: the row "GPT-4, in-context examples" of the paper's table on the effect of alignment. Departures: a server gives
no probabilities of Yes and No, so that a verdict is the answer's first word; it is asked for five titles at once, as
beams are not to be had.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recexplainer.alignment.in_context import ByTask, question_text
from recexplainer.api.cache import AnswerCache
from recexplainer.api.client import Answers, ask
from recexplainer.api.request import ApiSettings, Messages
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.prompts import PromptWriter, answer_text
from recexplainer.tasks import interest_classification, item_ranking, next_item_retrieval

N_TITLES = 5
INSTRUCTIONS = (
    "You predict how a recommender system answers questions about its users. Answer in the same form as the previous "
    "answers, and add nothing else."
)
FIVE_ITEMS = (
    "Which five items outside of the history does the recommender rank first? Answer with their titles, best first, "
    "one title per line."
)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")

Best = Mapping[tuple[int, int], Sequence[int]]  # (user, position) → the recommender's first items, best first


def evaluate_by_api(
    writer: PromptWriter, shown: ByTask, questions: ByTask, best: Best, settings: ApiSettings, cache: AnswerCache
) -> tuple[dict[str, Any], Answers]:
    """The alignment metrics of a model behind an API, and what they took.

    A question without an answer is left out of the metrics and counted in `n_failed`; an answer of another form is
    wrong, and counted in `invalid_rate`.

    Args:
        writer: Writes prompts.
        shown: Per task the solved questions, of training users.
        questions: Per task the questions, of test users.
        best: The recommender's first five items of the users who are shown.
        settings: Model and bounds.
        cache: The answers of earlier runs; new ones are added.

    Raises:
        InputError: The server cannot be asked, a bound does not suffice, or nothing was answered.
    """
    asked = [(task, example) for task, examples in questions.items() for example in examples]
    found = ask([messages(writer, shown[task], example, best) for task, example in asked], settings, cache, None)
    metrics: dict[str, Any] = {"n_examples": {}, "n_failed": {}}
    for task in questions:
        pairs = [
            (example, answer.get("content") or "")
            for (of, example), answer in zip(asked, found.answers, strict=True)
            if of == task and answer is not None
        ]
        metrics["n_failed"][task] = len(questions[task]) - len(pairs)
        if pairs:
            metrics[task] = _score(task, writer.catalogue, pairs)
            metrics["n_examples"][task] = len(pairs)
    return metrics, found


def messages(writer: PromptWriter, shown: Sequence[Example], example: Example, best: Best) -> Messages:
    """One request: the solved questions as turns of a conversation, then the question."""
    said = [{"role": "system", "content": INSTRUCTIONS}]
    for solved in shown:
        said += [
            {"role": "user", "content": _question(writer, solved)},
            {"role": "assistant", "content": _answer(writer, solved, best)},
        ]
    return [*said, {"role": "user", "content": _question(writer, example)}]


def read_titles(catalogue: Catalogue, text: str) -> list[int | None]:
    """The items of an answer's lines, with or without list marks or quotes; None where a line is not a title."""
    return [_item(catalogue, line.strip()) for line in text.splitlines() if line.strip()]


def read_verdict(text: str) -> bool | None:
    """Whether an answer begins with Yes or with No; None for anything else.

    >>> read_verdict("No."), read_verdict("**Yes**, since"), read_verdict("Nobody knows")
    (False, True, None)
    """
    first = re.match(r"\W*(\w+)", text)
    return {"yes": True, "no": False}.get(first.group(1).lower()) if first else None


def _question(writer: PromptWriter, example: Example) -> str:
    text = question_text(writer, example)
    if example.task == next_item_retrieval.NAME:
        text = text.replace(wording.NEXT_ITEM_RETRIEVAL, FIVE_ITEMS)
    return text


def _answer(writer: PromptWriter, example: Example, best: Best) -> str:
    if example.task == next_item_retrieval.NAME:
        return writer.titles(best[example.user_id, example.position][:N_TITLES])
    return answer_text(writer, example)


def _score(task: str, catalogue: Catalogue, pairs: Sequence[tuple[Example, str]]) -> dict[str, float]:
    examples = [example for example, _ in pairs]
    if task == interest_classification.NAME:
        return _score_verdicts(examples, [read_verdict(text) for _, text in pairs])
    titles = [read_titles(catalogue, text) for _, text in pairs]
    if task == item_ranking.NAME:
        return item_ranking.score(examples, [[item or 0 for item in row] for row in titles])
    return next_item_retrieval.score(examples, [row[:N_TITLES] for row in titles])


def _score_verdicts(examples: list[Example], verdicts: Sequence[bool | None]) -> dict[str, float]:
    """Accuracy; an answer without a verdict is a wrong one. There is no ranking of the verdicts to measure."""
    labels = [example.answer == wording.YES for example in examples]
    given = [not label if verdict is None else verdict for label, verdict in zip(labels, verdicts, strict=True)]
    scores = interest_classification.score(examples, np.array(given, dtype=float))
    invalid = float(np.mean([verdict is None for verdict in verdicts]))
    return {"accuracy": scores["accuracy"], "invalid_rate": round(invalid, 4)}


def _item(catalogue: Catalogue, line: str) -> int | None:
    bare = _LIST_MARK.sub("", line)
    for text in (line, bare, bare.strip("\"'“”*")):
        if item := catalogue.item_of_title.get(text):
            return item
    return None
