"""Which of two sources explains better, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.preference import Preference
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.grade import FAILED, MOST_WITHOUT_LEVEL
from recexplainer.judging.pairwise import (
    ANSWER_SCHEMA,
    CHOICES,
    OUTCOMES,
    Answer,
    compare_answers,
    compare_levels,
    pair_messages,
    parse_choice,
    same_text,
    summarise_comparisons,
)
from recexplainer.judging.rubric import JUDGE, judge_by_rubric

Pair = tuple[Explanation, Explanation]


def compare_by_judge(settings: Settings, first: str, second: str) -> dict[str, Any]:
    """Let the judge of the parameters compare two sources on the cases that both explain; write what it found.

    Returns:
        What is written to ``comparisons/<first>-<second>.json``: `sources`, `judge`, the figures of
        `summarise_comparisons`, `costs` (as the servers count) and `answered_by` for a language model, and the `cases`.

    Raises:
        InputError: An input is missing or does not fit, or the server cannot be asked; nothing is written.
    """
    if first == second:
        raise InputError(f"{first!r} cannot be compared with itself; name two sources")
    pairs = pair_up(store.read_explanations(first), store.read_explanations(second))
    catalogue = store.read_catalogue()
    more: dict[str, Any] = {}
    if settings.judge.backend == "rubric":
        judge = JUDGE
        found = [
            compare_levels(one.explanation_id, judge_by_rubric(one, catalogue), judge_by_rubric(other, catalogue))
            for one, other in pairs
        ]
    else:
        judge, found, more = _ask_server(settings, first, second, pairs, catalogue)
    written = {
        "sources": [first, second],
        "judge": judge,
        **summarise_comparisons(found, np.random.default_rng(settings.run.seed)),
        "costs": {},
        **more,
        "cases": [store.to_row(preference) for preference in found],
    }
    store.write_json(store.comparison(first, second), written)
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


def _ask_server(
    settings: Settings, first: str, second: str, pairs: Sequence[Pair], catalogue: Catalogue
) -> tuple[str, list[Preference], dict[str, Any]]:
    from recexplainer.api.cache import AnswerCache
    from recexplainer.api.client import ask
    from recexplainer.api.parameters import api_settings

    server = api_settings(settings.judge, settings.run.seed)
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
    engines = dict.fromkeys(answer["engine"] for answer in asked.answers if answer is not None)
    costs = {name: getattr(asked, name) for name in ("prompt_tokens", "completion_tokens")}
    return ", ".join(engines) or server.model, found, {"costs": costs, "answered_by": asked.answered_by}


def _has_choice(answer: dict[str, Any]) -> bool:
    return parse_choice(answer)[0] in CHOICES


def figures_in_words(found: dict[str, Any]) -> list[str]:
    """The figures that `compare_by_judge` returns, a line each."""
    first, second = found["sources"]
    names = {"first": f"{first} better", "second": f"{second} better", "tie": "neither"}
    counts = [
        f"{names.get(outcome, outcome)} {found[outcome]}" for outcome in OUTCOMES if found[outcome] or outcome in names
    ]
    n_compared = sum(found[choice] for choice in CHOICES)
    warning = f"warning: {found['n'] - n_compared} of {found['n']} cases have no choice; the rates cover {n_compared}"
    lines = [
        *([warning] if found["n"] - n_compared > MOST_WITHOUT_LEVEL * found["n"] else []),
        f"{found['n']} cases, judged by {found['judge']}: {', '.join(counts)}",
        _share(f"win rate of {first} on {n_compared} cases, ties counted as half", found, "win_rate"),
        _share(f"win rate of {first} without ties", found, "decided_win_rate"),
    ]
    order = found["order"]
    if order and order["n"]:
        lines.append(
            f"the order of the texts decided {order['position_bias']:.3f} of {order['n']} pairs (always first: "
            f"{order['always_first']}, always second: {order['always_second']}); consistent {order['consistent']:.3f}"
        )
    return [*lines, f"written: {store.comparison(first, second)}"]


def _share(name: str, found: dict[str, Any], key: str) -> str:
    if found[key] is None:
        return f"{name}: none"
    low, high = found[f"{key}_interval"]
    return f"{name}: {found[key]:.3f} ({low:.3f} to {high:.3f})"
