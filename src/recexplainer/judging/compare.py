"""Which of two sources explains better, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.preference import Preference, SourceComparison
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.grade import FAILED, MOST_WITHOUT_LEVEL
from recexplainer.judging.pairwise import (
    ANSWER_SCHEMA,
    CHOICES,
    Answer,
    compare_answers,
    compare_levels,
    pair_messages,
    parse_choice,
    same_text,
    summarise_comparisons,
)
from recexplainer.judging.rubric import JUDGE, judge_by_rubric

if TYPE_CHECKING:
    from recexplainer.api.client import Answers

Pair = tuple[Explanation, Explanation]


def compare_by_judge(settings: Settings, first: str, second: str) -> SourceComparison:
    """Let the judge of the parameters compare two sources on the cases that both explain; write what it found.

    Returns:
        What is written to ``comparisons/<first>-<second>.json``.

    Raises:
        InputError: An input is missing or does not fit, or the server cannot be asked; nothing is written.
    """
    if first == second:
        raise InputError(f"{first!r} cannot be compared with itself; name two sources")
    pairs = pair_up(store.read_explanations(first), store.read_explanations(second))
    catalogue = store.read_catalogue()
    if settings.judge.backend == "rubric":
        found, judge, costs, by = _by_rubric(pairs, catalogue), JUDGE, {}, None
    else:
        found, asked = _ask_server(settings, first, second, pairs, catalogue)
        engines = dict.fromkeys(answer["engine"] for answer in asked.answers if answer is not None)
        judge, by = ", ".join(engines) or str(settings.judge.model), asked.answered_by
        costs = {"prompt_tokens": asked.prompt_tokens, "completion_tokens": asked.completion_tokens}
    figures = summarise_comparisons(found, [one.user_id for one, _ in pairs], np.random.default_rng(settings.run.seed))
    written = SourceComparison(
        **vars(figures), sources=(first, second), judge=judge, costs=costs, answered_by=by, cases=found
    )
    store.write_comparison(written)
    return written


def pair_up(first: Sequence[Explanation], second: Sequence[Explanation]) -> list[Pair]:
    """The explanations of the same cases, in the order of the first source.

    Raises:
        InputError: There are none, or the sources were shown different histories or decisions.
    """
    of_second = {row.explanation_id: row for row in second}
    pairs = [(row, of_second[row.explanation_id]) for row in first if row.explanation_id in of_second]
    if not pairs:
        raise InputError("the two sources have no case in common; run dvc repro explain")
    for one, other in pairs:
        for name in ("history", "item_id", "label"):
            if getattr(one, name) != getattr(other, name):
                raise InputError(f"case {one.explanation_id} differs in its {name}; run dvc repro explain")
    return pairs


def _by_rubric(pairs: Sequence[Pair], catalogue: Catalogue) -> list[Preference]:
    return [
        compare_levels(one.explanation_id, judge_by_rubric(one, catalogue), judge_by_rubric(other, catalogue))
        for one, other in pairs
    ]


def _ask_server(
    settings: Settings, first: str, second: str, pairs: Sequence[Pair], catalogue: Catalogue
) -> tuple[list[Preference], Answers]:
    from recexplainer.api.cache import AnswerCache
    from recexplainer.api.client import ask
    from recexplainer.api.request import ApiSettings

    server = ApiSettings(settings.judge, settings.run.seed)
    open_ = [pair for pair in pairs if pair[0].text != pair[1].text]
    orders = [*open_, *((other, one) for one, other in open_)]
    requests = [pair_messages(one, (one.text, other.text), catalogue) for one, other in orders]
    counts = _has_choice if settings.judge.reask_unparseable else None
    with AnswerCache(store.comparison_cache(first, second)) as cache:
        asked = ask(requests, server, cache, ANSWER_SCHEMA, counts=counts)
    choices: list[Answer] = [
        (FAILED, error) if answer is None else parse_choice(answer)
        for answer, error in zip(asked.answers, asked.errors, strict=True)
    ]
    both_orders = zip(open_, choices[: len(open_)], choices[len(open_) :], strict=True)
    compared = iter(
        [compare_answers(one.explanation_id, straight, swapped) for (one, _), straight, swapped in both_orders]
    )
    found = [same_text(one.explanation_id) if one.text == other.text else next(compared) for one, other in pairs]
    return found, asked


def _has_choice(answer: dict[str, Any]) -> bool:
    return parse_choice(answer)[0] in CHOICES


def figures_in_words(found: SourceComparison) -> list[str]:
    """What a comparison found, a line each."""
    first, second = found.sources
    counted = {f"{first} better": found.first, f"{second} better": found.second, "neither": found.tie}
    lacking = {"unparseable": found.unparseable, "failed": found.failed}
    n_lacking = sum(lacking.values())
    counts = [f"{name} {n}" for name, n in {**counted, **lacking}.items() if n or name in counted]
    n_compared = found.n - n_lacking
    warning = f"warning: {n_lacking} of {found.n} cases have no choice; the rates cover {n_compared}"
    of_ties = f"win rate of {first} on {n_compared} cases, ties counted as half"
    lines = [
        *([warning] if n_lacking > MOST_WITHOUT_LEVEL * found.n else []),
        f"{found.n} cases, judged by {found.judge}: {', '.join(counts)}",
        _share(of_ties, found.win_rate, found.win_rate_interval),
        _share(f"win rate of {first} without ties", found.decided_win_rate, found.decided_win_rate_interval),
    ]
    order = found.order
    if order and order.n:
        lines.append(
            f"the order of the texts decided {order.position_bias:.3f} of {order.n} pairs (always first: "
            f"{order.always_first}, always second: {order.always_second}); consistent {order.consistent:.3f}"
        )
    return [*lines, f"written: {store.comparison(first, second)}"]


def _share(name: str, share: float | None, interval: list[float] | None) -> str:
    if share is None or interval is None:
        return f"{name}: none"
    return f"{name}: {share:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
