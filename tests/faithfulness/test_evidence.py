"""The figures under `evidence`, of planted recommenders and of texts that cite by a rule."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recexplainer.core.records.evidence import Evidence, Label
from recexplainer.core.records.explanation import Explanation
from recexplainer.evidence.counterfactuals import Bounds, find_removals, find_replacements
from recexplainer.evidence.perturbation import VARIANTS, Decision
from recexplainer.faithfulness.evaluation import evaluate_faithfulness
from recexplainer.recommenders.base import Recommender
from tests.evidence.planted import N_ITEMS, decisions_of, only_genre, only_newest, only_popularity
from tests.faithfulness.fakes import AdditiveRecommender, make_catalogue, make_record

TITLES = make_catalogue([f"Numbered Game {number}" for number in range(1, N_ITEMS + 1)])
BOUNDS = Bounds(top_k=5, like_top=0.2, dislike_bottom=0.5)
Rule = Callable[[Decision], Sequence[int]]


def text_of(decision: Decision, cited: Sequence[int], **changes: Any) -> Explanation:
    titles = " and ".join(f'"{TITLES.title(item)}"' for item in cited)
    return make_record(
        TITLES,
        history=decision.history,
        item_id=decision.item_id,
        label=decision.label,
        verdict=decision.label,
        text=f"{decision.label}. {titles} say so." if cited else f"{decision.label}.",
        **changes,
    )


def texts(decisions: Sequence[Decision], rule: Rule, **changes: Any) -> list[Explanation]:
    return [
        text_of(decision, rule(decision), explanation_id=f"e{number}", user_id=number, **changes)
        for number, decision in enumerate(decisions)
    ]


def evaluate(records: Sequence[Explanation], recommender: Recommender) -> tuple[pd.DataFrame, dict[str, Any]]:
    histories = [record.history for record in records]
    frame, figures = evaluate_faithfulness(records, histories, TITLES, recommender, top_ks=[1], n_random=30, seed=7)
    return frame, figures["evidence"]


def newest(decision: Decision) -> list[int]:
    return decision.history[-1:]


def oldest(decision: Decision) -> list[int]:
    return decision.history[:1]


@pytest.fixture(scope="module")
def additive() -> AdditiveRecommender:
    generator = torch.Generator().manual_seed(1)
    return AdditiveRecommender(torch.randn(N_ITEMS + 1, N_ITEMS + 1, generator=generator))


@pytest.fixture(scope="module")
def worked(additive: AdditiveRecommender) -> tuple[pd.DataFrame, dict[str, Any]]:
    return evaluate(texts(decisions_of(additive, 60), lambda d: d.history[2:4]), additive)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("label", ["Yes", "No"])
def test_the_scores_are_those_worked_from_the_rows(
    worked: tuple[pd.DataFrame, dict[str, Any]], label: Label, variant: str
) -> None:
    frame, evidence = worked
    rows = frame[frame["label"] == label]
    mean = {
        who: rows[f"log_comprehensiveness_{variant}_{who}"].mean()
        for who in ("cited", "random", "newest", "leave_one_out")
    }
    figures = evidence[variant] if label == "Yes" else evidence["no_decisions"][variant]
    scale = mean["leave_one_out"] - mean["random"]
    assert figures["n"] == 30
    assert figures["evidence_score"] == pytest.approx((mean["cited"] - mean["random"]) / scale)
    assert figures["newest_score"] == pytest.approx((mean["newest"] - mean["random"]) / scale)
    sign = 1 if label == "Yes" else -1
    assert figures["evidence_over_newest"] == pytest.approx(sign * (mean["cited"] - mean["newest"]))
    for name in ("evidence_score", "newest_score", "evidence_over_newest", "evidence_top1", "misleading_texts"):
        low, high = figures[f"{name}_interval"]
        assert low <= figures[name] <= high and low < high


@pytest.fixture(scope="module")
def of_the_newest() -> list[dict[str, Any]]:
    """The figures of texts that cite the only reason, and of texts that cite another item."""
    cause = only_newest()
    decisions = decisions_of(cause.recommender, 80)
    return [evaluate(texts(decisions, rule), cause.recommender)[1] for rule in (newest, oldest)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_texts_that_cite_the_only_reason_score_1_and_others_mislead(
    of_the_newest: list[dict[str, Any]], variant: str
) -> None:
    true, false = of_the_newest
    for found in (true[variant], true["no_decisions"][variant]):
        assert found["evidence_score"] == pytest.approx(1.0, abs=0.02)
        assert found["evidence_top1"] >= 0.95 and found["newest_top1"] >= 0.95
        assert (found["evidence_over_newest"], found["p_value"]) == (0.0, 1.0)
        assert found["misleading_texts"] <= 0.05 and found["texts_without_true_reason"] <= 0.05
    for found in (false[variant], false["no_decisions"][variant]):
        assert found["evidence_score"] < 0.05 and found["newest_score"] == pytest.approx(1.0, abs=0.02)
        assert found["evidence_top1"] <= 0.05
        assert found["evidence_over_newest"] < 0 and found["p_value"] < 0.001
        assert found["misleading_texts"] >= 0.95 and found["texts_without_true_reason"] >= 0.95


@pytest.mark.slow
def test_texts_that_know_better_than_the_newest_items_are_told_so() -> None:
    cause = only_genre()
    decisions = [own for own in decisions_of(cause.recommender, 300) if 0 < len(cause.reason(own)) < 8]
    _, evidence = evaluate(texts(decisions, lambda d: sorted(cause.reason(d))), cause.recommender)
    found = evidence["shift"]
    assert found["evidence_score"] == pytest.approx(1.0) and found["newest_score"] < 0.3
    assert found["evidence_over_newest"] > 0 and found["p_value"] < 0.001
    assert (found["misleading_texts"], found["texts_without_true_reason"]) == (0.0, 0.0)
    assert found["evidence_top1"] == 1.0


def test_where_nothing_carries_the_decision_every_citation_misleads_and_there_is_no_score() -> None:
    cause = only_popularity()
    _, evidence = evaluate(texts(decisions_of(cause.recommender, 20), newest), cause.recommender)
    found = evidence["mask"]
    assert (found["evidence_score"], found["evidence_top1"], found["texts_without_true_reason"]) == (None, None, None)
    assert (found["misleading_texts"], found["n_carried"], found["n_texts_carried"]) == (1.0, 0, 0)
    silent = texts(decisions_of(cause.recommender, 20), lambda decision: [])
    assert evaluate(silent, cause.recommender)[1]["mask"]["misleading_texts"] == 0.0


def test_decisions_of_one_user_count_as_one(additive: AdditiveRecommender) -> None:
    records = texts(decisions_of(additive, 40), oldest)
    _, evidence = evaluate([replace(record, user_id=5) for record in records], additive)
    found = evidence["shift"]
    assert found["evidence_score_interval"] == pytest.approx([found["evidence_score"]] * 2)
    assert found["p_value"] == 1.0  # one user's sign is as likely the other
    assert evaluate(records, additive)[1]["shift"]["p_value"] < 1.0


def test_the_share_of_counterfactuals_that_hold_is_counted_per_variant(additive: AdditiveRecommender) -> None:
    decisions = decisions_of(additive, 10)
    said = {variant: find_removals(additive, decisions, variant, BOUNDS) for variant in VARIANTS}
    exchanged = [[own] if own else [] for own in find_replacements(additive, decisions, BOUNDS)]
    n = 10 + sum(map(len, exchanged))  # an exchange leaves no gap: it counts in both
    assert n > 10
    records = [
        replace(record, counterfactuals=[said["shift"][row], said["mask"][row], *exchanged[row]])
        for row, record in enumerate(texts(decisions, newest))
    ]
    wrong = replace(said["mask"][0], rank_after=said["mask"][0].rank_after + 1)
    records[0] = replace(records[0], counterfactuals=[said["shift"][0], wrong, *exchanged[0]])
    _, evidence = evaluate(records, additive)
    assert {v: (evidence[v]["n_counterfactuals"], evidence[v]["counterfactual_truth"]) for v in VARIANTS} == {
        "shift": (n, 1.0),
        "mask": (n, 1 - 1 / n),
    }
    low, high = evidence["shift"]["counterfactual_truth_interval"]  # Wilson's of all
    assert low == pytest.approx(1 / (1 + 1.959964**2 / n), abs=1e-6) and high == pytest.approx(1.0)
    assert evaluate(texts(decisions, newest), additive)[1]["shift"]["counterfactual_truth"] is None


def test_what_the_llm_knows_is_what_itself_names_not_what_it_was_told() -> None:
    """Its texts cite the oldest item; its own deletions say the newest, which is right."""
    cause = only_newest()
    decisions = decisions_of(cause.recommender, 40)
    records = texts(decisions, oldest)
    _, free = evaluate(records, cause.recommender)
    assert free["suppliers"] == {"free": 40} and list(free["known"]) == ["free"]
    assert free["known"]["free"]["shift"]["evidence_score"] == free["shift"]["evidence_score"]

    def supplied(supplier: Any) -> dict[str, Any]:
        given = [
            replace(record, evidence=Evidence(record.history[-1:], [1.0], "shift", supplier)) for record in records
        ]
        return evaluate(given, cause.recommender)[1]

    told = supplied("recommender")
    assert told["suppliers"] == {"recommender": 40} and told["known"] == {}
    for supplier in ("self", "own"):
        found = supplied(supplier)
        assert found["suppliers"] == {supplier: 40}
        assert found["known"][supplier]["shift"]["evidence_score"] == pytest.approx(1.0, abs=0.02)
        assert found["shift"]["evidence_score"] == free["shift"]["evidence_score"]


def test_rows_say_what_carries_each_decision_and_what_each_cited_item_takes() -> None:
    cause = only_genre()
    decisions = decisions_of(cause.recommender, 40)
    frame, _ = evaluate(texts(decisions, lambda d: d.history[:3]), cause.recommender)
    for variant in VARIANTS:
        for row, decision in zip(frame.to_dict("records"), decisions, strict=True):
            assert set(row[f"carrying_items_{variant}"]) == cause.reason(decision)
            assert [lost > 0.1 for lost in row[f"cited_losses_{variant}"]] == [
                item in cause.reason(decision) for item in row["cited_items"]
            ]
    assert not np.any([len(own) for own in frame["claimed_attributes"]])  # this world knows titles alone


def test_only_decisions_that_something_shown_carries_can_lack_a_true_reason() -> None:
    cause = only_genre()
    decisions = decisions_of(cause.recommender, 60)
    carried = [own for own in decisions if own.label == "Yes" and cause.reason(own)]
    found = evaluate(texts(decisions, oldest), cause.recommender)[1]["mask"]
    assert 0 < len(carried) == found["n_texts_carried"] < found["n_texts"] == 30
    lacking = [own.history[0] not in cause.reason(own) for own in carried]
    assert found["texts_without_true_reason"] == pytest.approx(np.mean(lacking))
