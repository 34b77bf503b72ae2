"""How far human raters, the judge and the rubric agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recexplainer import store
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Judgement
from recexplainer.core.records.rating import Rating
from recexplainer.core.settings import Settings
from recexplainer.core.statistics.agreement import OVERALL_FIGURES, PAIR_FIGURES, agreement
from recexplainer.data.catalogue import Catalogue
from recexplainer.judging.feedback import ratings_of_feedback, read_human_feedback
from recexplainer.judging.grade import SCORES
from recexplainer.judging.ratings import text_hash
from recexplainer.judging.rubric import JUDGE, judge_by_rubric
from recexplainer.judging.sheet import explained_sources

Figures = dict[str, Any]
HUMAN = "human"


def rate_all(
    explanations: Mapping[str, Sequence[Explanation]],
    judgements: Mapping[str, Sequence[Judgement]],
    ratings: Sequence[Rating],
    catalogue: Catalogue,
) -> tuple[pd.DataFrame, int]:
    """The scores (0 to 3) of all texts by all who rated them: people, the stored judge, the rubric.

    Where people have rated, only the texts that at least one of them rated are kept.

    Args:
        explanations: Those of each source.
        judgements: The stored judgements of each source that was judged.
        ratings: Of people, by sheets and in MLflow.
        catalogue: What the rubric checks against.

    Returns:
        A row per text, by source, explanation id and case (user, history and item), and a column per rater:
        `human:<name>`, `judge:<model>`, `rubric`; NaN where there is no level. And how many ratings are left out,
        since they are of texts that were rewritten or are gone.
    """
    texts = {(source, row.explanation_id): row for source, rows in explanations.items() for row in rows}
    hashes = {place: text_hash(row.text) for place, row in texts.items()}
    valid = [of for of in ratings if hashes.get((of.source, of.explanation_id)) == of.text_sha256]
    scores: list[tuple[tuple[str, str], str, int | None]] = [
        ((of.source, of.explanation_id), f"{HUMAN}:{of.rater}", of.score) for of in valid
    ]
    rated = {place for place, _, _ in scores}
    kept = [place for place in texts if place in rated or not rated]
    rows = {place: (*place, _case(texts[place])) for place in kept}
    for source, judged in judgements.items():
        scores += [((source, of.explanation_id), f"judge:{of.judge}", of.score) for of in judged if of.judge != JUDGE]
    decided = [place for place in kept if texts[place].label is not None]
    scores += [(place, JUDGE, judge_by_rubric(texts[place], catalogue).score) for place in decided]
    names = list(dict.fromkeys(rater for _, rater, _ in scores))
    index = pd.MultiIndex.from_tuples(rows.values(), names=["source", "explanation_id", "case"])
    table = pd.DataFrame(np.nan, index=index, columns=names)
    for place, rater, score in scores:
        if place in rows and score is not None:
            table.loc[rows[place], rater] = score
    return table, len(ratings) - len(valid)


def _case(record: Explanation) -> str:
    """What a text is about: the live page gives every text an id of its own."""
    return str((record.user_id, record.history, record.item_id))


def agreement_of_all(table: pd.DataFrame, seed: int) -> Figures:
    """The agreement of everybody, and of the people alone; the texts of one case are drawn together.

    Returns:
        What `agreement` gives, as `pairs`, `overall` and `overall_human` (None with fewer than two people);
        `raters`: of each the number of ratings and their mean.
    """
    cases = table.index.get_level_values("case").tolist()
    found = agreement(table, np.random.default_rng(seed), cases)
    people = [name for name in table.columns if name.startswith(f"{HUMAN}:")]
    human = agreement(table[people], np.random.default_rng(seed), cases) if len(people) > 1 else None
    raters = {
        name: {"n": int(column.notna().sum()), "mean": None if column.isna().all() else float(column.mean())}
        for name, column in table.items()
    }
    return {
        "n_texts": len(table),
        "levels": list(SCORES),
        "raters": raters,
        "pairs": found["pairs"],
        "overall": found["overall"],
        "overall_human": human and human["overall"],
    }


def agree(settings: Settings) -> list[str]:
    """Measure the agreement of all who rated the explanations that are there; write it, and return it in words.

    Raises:
        InputError: An input is missing.
    """
    sources = explained_sources()
    explanations = {source: store.read_explanations(source) for source in sources}
    judged = [source for source in sources if store.judgements(source).exists()]
    judgements = {source: store.read_judgements(source) for source in judged}
    ratings = store.read_ratings()
    feedback = read_human_feedback(settings.dataset.name)
    given, n_unusable = ratings_of_feedback(feedback)
    for record in {of.record.explanation_id: of.record for of in feedback if of.record is not None}.values():
        explanations.setdefault(record.source, []).append(record)
    table, n_outdated = rate_all(explanations, judgements, [*ratings, *given], store.read_catalogue())
    found = {
        **agreement_of_all(table, settings.run.seed),
        "n_outdated_ratings": n_outdated,
        "n_unusable_feedback": n_unusable,
    }
    store.write_json(store.AGREEMENT, found)
    return list(_lines(found))


def _lines(found: Figures) -> Iterable[str]:
    raters = ", ".join(f"{name} {of['n']}" for name, of in found["raters"].items())
    yield f"{found['n_texts']} texts; ratings: {raters}"
    if found["n_outdated_ratings"]:
        yield f"skipped {found['n_outdated_ratings']} ratings of texts that no longer exist"
    if found["n_unusable_feedback"]:
        yield f"skipped {found['n_unusable_feedback']} ratings in MLflow that lack a level or a text"
    if found["pairs"]:
        rows = [
            {"first": pair["first"], "second": pair["second"], "n": pair["n"]}
            | {name: _with_interval(pair, name) for name in PAIR_FIGURES}
            for pair in found["pairs"]
        ]
        yield pd.DataFrame(rows).to_string(index=False)
    for title, key in (("all", "overall"), ("people", "overall_human")):
        overall = found[key]
        if overall:
            figures = ", ".join(f"{name} {_with_interval(overall, name)}" for name in OVERALL_FIGURES)
            yield f"{title}: {figures}; {overall['n_compared']} texts compared, {overall['n_complete']} rated by all"
    yield f"written: {store.AGREEMENT}"


def _with_interval(figures: Figures, name: str) -> str:
    if figures[name] is None:
        return "undefined"
    ends = figures[f"{name}_interval"]
    return f"{figures[name]:.3f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else "")
