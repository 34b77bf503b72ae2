"""The faithfulness of one model's explanations: one row per explanation and one table of figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.citations.attributes import attribute_index
from recexplainer.citations.citations import Citations, read_citations
from recexplainer.citations.features import feature_figures, named_features
from recexplainer.core.errors import InputError
from recexplainer.core.records.evidence import Variant
from recexplainer.core.records.explanation import Explanation
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import Interactions
from recexplainer.evidence.perturbation import VARIANTS, Decision
from recexplainer.faithfulness import metrics
from recexplainer.faithfulness.attributes import Claims, attribute_figures, claims_of_texts
from recexplainer.faithfulness.calibration import verdict_calibration
from recexplainer.faithfulness.carriers import Carriers, find_carriers
from recexplainer.faithfulness.causes import KnownCauses, cause_figures, series_told
from recexplainer.faithfulness.comparison import CITED, GREEDY, LEAVE_ONE_OUT, NEWEST, RANDOM, Comparison, compare
from recexplainer.faithfulness.evidence import (
    Citing,
    check_counterfactuals,
    compare_items,
    evidence_figures,
    known_items,
)
from recexplainer.faithfulness.exchanges import AttributeTest
from recexplainer.faithfulness.tables import curve_table, deletion_table, mean
from recexplainer.recommenders.base import Recommender

_SCORE_TOLERANCE = 1e-3


def evaluate_faithfulness(
    records: Sequence[Explanation],
    histories: Sequence[list[int]],
    catalogue: Catalogue,
    recommender: Recommender,
    *,
    top_ks: Sequence[int],
    n_random: int,
    seed: int,
    causes: KnownCauses | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Hold explanations against the recommender that they are about.

    Args:
        records: Explanations; `history` is what the text could cite, the newest part of the whole one.
        histories: The whole history of each record, oldest first: what the recommender decided on.
        catalogue: Titles and attributes.
        recommender: The recommender that made the decisions.
        top_ks: The K of PN@K, PS@K and FNS@K.
        n_random: Random draws per explanation.
        seed: Of every draw.
        causes: Why each record's user made the choice that came next, where a data set knows.

    Returns:
        A frame with a row per explanation, in the order of the records, and the figures (see
        docs/explanation/faithfulness.md). The main table is over the explanations of the label "Yes" that cite some and
        not all of the history; the same table for "No" is under `no_decisions`: there the cited items should
        speak against the item, so the controls are those whose removal raises p, and the tests ask for less.
    """
    index = attribute_index(catalogue)
    cases = [
        Decision(history, record.item_id, len(record.history), record.decision)
        for record, history in zip(records, histories, strict=True)
    ]
    citations = [read_citations(record) for record in records]
    positions = [
        [case.citable[position] for position in found.in_history] for found, case in zip(citations, cases, strict=True)
    ]
    ids = [record.explanation_id for record in records]
    given = {"n_random": n_random, "seed": seed}
    comparison = compare(recommender, cases, positions, ids, **given, top_ks=top_ks)
    labels = np.array([records[row].decision for row in comparison.rows])
    texts = [record.text for record in records]
    named = [named_features(text, found, index) for text, found in zip(texts, citations, strict=True)]
    figures = {
        **_text_figures(records, cases, citations),
        **feature_figures(texts, named, [case.item_id for case in cases], index),
        "n_other_scores": _n_other_scores(recommender, records, cases),
        **deletion_table(comparison, labels, "Yes", top_ks, seed),
        "curves": curve_table(comparison, labels == "Yes"),
        "no_decisions": deletion_table(comparison, labels, "No", top_ks, seed),
        "verdicts": _verdict_counts(records),
        "calibration": verdict_calibration(
            [record.p_yes for record in records], [record.decision for record in records], seed
        ),
    }
    carriers = {variant: find_carriers(recommender, cases, variant) for variant in VARIANTS}
    citing = Citing.of(records, [record.cited_items for record in records], comparison, carriers)
    known = {
        supplier: citing
        if items == [record.cited_items for record in records]
        else compare_items(recommender, records, cases, items, carriers, **given)
        for supplier, items in known_items(records).items()
    }
    truth = check_counterfactuals(recommender, records, cases)
    stated = [
        own | series_told(record.text, found, index)
        for record, found, own in zip(records, citations, named, strict=True)
    ]
    tester = AttributeTest(recommender, index, catalogue, seed)
    claimed, unnamed = claims_of_texts(tester, records, cases, stated, index)
    figures["evidence"] = {
        **evidence_figures(citing, records, carriers, truth, known, seed),
        "attributes": attribute_figures(records, claimed, unnamed, seed),
    }
    if causes is not None:
        figures["causes"] = cause_figures(records, causes, citations, named, index, seed)
    frame = _rows(records, cases, citations, positions, comparison)
    return frame.assign(**_reason_columns(records, carriers, claimed, index.names)), figures


def whole_histories(records: Sequence[Explanation], interactions: Interactions) -> list[list[int]]:
    """All that the recommender was given for each record: the user's items before the record's position.

    Raises:
        InputError: A record's own history is not the newest part of it: it comes from other data.
    """
    histories = []
    for record in records:
        user, position, shown = record.user_id, record.position, record.history
        known = 1 <= user <= interactions.n_users
        history = interactions.history(user, position) if known else []
        if history[len(history) - len(shown) :] != shown:
            raise InputError(
                f"explanation {record.explanation_id}: its history differs from the items of user {user} before "
                f"position {position}; the data has changed, run explain again"
            )
        histories.append(history)
    return histories


def _text_figures(records: Sequence[Explanation], cases: list[Decision], citations: list[Citations]) -> dict[str, Any]:
    verdicts = [record.verdict for record in records]
    n_titles = [found.n_titles for found in citations]
    return {
        "n": len(records),
        "n_citing": sum(bool(found.in_history) for found in citations),
        "n_citing_everything": sum(
            len(found.in_history) >= len(case.citable) > 0 for found, case in zip(citations, cases, strict=True)
        ),
        "n_without_verdict": sum(verdict is None for verdict in verdicts),
        "verdict_agreement": metrics.verdict_agreement(verdicts, [record.decision for record in records]),
        "hallucination_rate": metrics.hallucination_rate([found.n_unseen for found in citations], n_titles),
        "invented_rate": metrics.hallucination_rate([len(found.invented) for found in citations], n_titles),
        "hallucinating_texts": mean([found.n_unseen > 0 for found in citations]),
        "inventing_texts": mean([bool(found.invented) for found in citations]),
        "texts_naming_target": mean([found.names_target for found in citations]),
        "cited_items_mean": mean([len(found.in_history) for found in citations]),
    }


def _verdict_counts(records: Sequence[Explanation]) -> dict[str, dict[str, int]]:
    """Per decision of the recommender, how often a text says Yes, No, or neither."""
    counts = {label: dict.fromkeys(("Yes", "No", "none"), 0) for label in ("Yes", "No")}
    for record in records:
        counts[record.decision][record.verdict or "none"] += 1
    return counts


def _n_other_scores(recommender: Recommender, records: Sequence[Explanation], cases: list[Decision]) -> int:
    """Explanations whose recorded score is not what the recommender gives: they are about another
    recommender.
    """
    if not records:
        return 0
    each = recommender.each_scores([case.history for case in cases])
    own = np.array([scores[case.item_id] for scores, case in zip(each, cases, strict=True)])
    recorded = np.array([record.score for record in records])
    return int((np.abs(own - recorded) > _SCORE_TOLERANCE * np.maximum(1, np.abs(own))).sum())


def _reason_columns(
    records: Sequence[Explanation], carriers: dict[Variant, list[Carriers]], claimed: list[Claims], names: list[str]
) -> dict[str, list[Any]]:
    """What carries each decision, what the cited items take from it alone, and what the claimed attributes do."""
    columns: dict[str, list[Any]] = {
        "claimed_attributes": [[names[claim.attribute] for claim in own] for own in claimed],
        "claim_outcomes": [[claim.outcome for claim in own] for own in claimed],
        "claim_effects": [[claim.effect for claim in own] for own in claimed],
    }
    for variant, found in carriers.items():
        columns[f"carrying_items_{variant}"] = [own.items for own in found]
        columns[f"cited_losses_{variant}"] = [
            [own.alone[item] for item in record.cited_items] for record, own in zip(records, found, strict=True)
        ]
    return columns


def _rows(
    records: Sequence[Explanation],
    cases: list[Decision],
    citations: list[Citations],
    positions: list[list[int]],
    comparison: Comparison,
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "explanation_id": [record.explanation_id for record in records],
            "user_id": [record.user_id for record in records],
            "label": [record.decision for record in records],
            "verdict": [record.verdict for record in records],
            "n_history": [len(case.history) for case in cases],
            "n_shown": [len(case.citable) for case in cases],
            "cited_positions": positions,  # in the whole history
            "cited_items": [found.cited_items for found in citations],
            "other_items": [found.in_catalogue for found in citations],
            "invented_titles": [found.invented for found in citations],
            "names_target": [found.names_target for found in citations],
        }
    )
    frame["compared"] = frame.index.isin(comparison.rows)
    columns: dict[str, np.ndarray] = {"p": np.exp(comparison.log_p), "rank": comparison.rank}
    for variant in VARIANTS:
        columns[f"p_without_{variant}"] = np.exp(comparison.log_p_without[variant])
        columns[f"rank_without_{variant}"] = comparison.rank_without[variant]
        for measure, by_variant in comparison.values.items():
            values = by_variant[variant]
            columns[f"{measure}_{variant}_cited"] = values[:, CITED]
            columns[f"{measure}_{variant}_random"] = values[:, RANDOM].mean(axis=1)
            columns[f"{measure}_{variant}_newest"] = values[:, NEWEST]
            columns[f"{measure}_{variant}_leave_one_out"] = values[:, LEAVE_ONE_OUT]
            columns[f"{measure}_{variant}_greedy"] = values[:, GREEDY]
    measured = pd.DataFrame({name: values.astype(float) for name, values in columns.items()}, index=comparison.rows)
    return pd.concat([frame, measured.reindex(frame.index)], axis=1)
