"""Explain the recommender's current decisions about any users and items, from one source."""

from __future__ import annotations

import sys
from functools import partial

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation, UserExplanation
from recexplainer.core.settings import Settings
from recexplainer.explaining.cases import Case, cases_of_users
from recexplainer.explaining.explain import explain_cases
from recexplainer.explaining.selection import parse_items, parse_users
from recexplainer.prompting.prompts import form_of
from recexplainer.recommenders import load_recommender
from recexplainer.stages import StageRun, Write, stage_main
from recexplainer.stages.explain import SECTIONS
from recexplainer.tracking.runs import log_explanation_traces


def run(settings: Settings, run: StageRun, source: str, users: str, items: str) -> Write:
    """Write and print one explanation per user and item; the first of them become traces."""
    recommender, interactions = load_recommender(store.RECOMMENDER), store.read_interactions()
    user_ids = parse_users(users, store.read_users())
    wanted = parse_items(items, store.read_catalogue())
    cases = cases_of_users(
        recommender,
        interactions,
        user_ids,
        wanted,
        settings.build_alignment,
        settings.explain.top_k,
        settings.build_alignment.max_history,
    )
    _say_what_is_no_decision(cases, user_ids, wanted.items)
    vectors = None
    if form_of(source) != "behaviour":
        vectors = recommender.user_vectors([interactions.sequence(user_id) for user_id in user_ids])
    kept = store.explanation_blocks("explain_users", source)
    records = explain_cases(settings, run, source, cases, recommender, vectors, kept)
    return partial(_write, settings, run, source, records)


def _write(settings: Settings, run: StageRun, source: str, records: list[Explanation]) -> None:
    named = _with_raw_ids(records)
    store.write_user_explanations(source, named)
    store.remove(store.explanation_blocks("explain_users", source))
    run.log_artifact(store.user_explanations(source))
    log_explanation_traces(named[: settings.judge.n_traces])
    for record in named:
        print(_readable(record))
    print(f"{len(named)} explanations: {store.user_explanations(source)}")


def _say_what_is_no_decision(cases: list[Case], user_ids: list[int], items: list[int]) -> None:
    """Tell of named items that stand in histories: what a user has had is recommended no more.

    Raises:
        InputError: Nothing else was asked for.
    """
    explained = {(case.example.user_id, case.example.items[0]) for case in cases}
    had = [(user, item) for user in user_ids for item in items if (user, item) not in explained]
    if not cases:
        raise InputError("items: the users' histories contain all items asked for, so there is no decision to explain")
    if had:
        first = f"user {had[0][0]}, item {had[0][1]}"
        print(f"skipped, because the user's history contains the item: {len(had)} (first: {first})", file=sys.stderr)


def _with_raw_ids(records: list[Explanation]) -> list[UserExplanation]:
    """The explanations with the raw data's ids and the item's title, for those who do not know the prepared data."""
    raw, catalogue = store.read_raw_ids(), store.read_catalogue()
    return [
        UserExplanation(
            **vars(record),
            raw_user_id=raw["raw_user_ids"][record.user_id - 1],
            raw_item_id=raw["raw_item_ids"][record.item_id - 1],
            title=catalogue.title(record.item_id),
        )
        for record in records
    ]


def _readable(record: UserExplanation) -> str:
    decision = record.label or "undecided"
    sure = "" if record.p_yes is None else f" (p(Yes) {record.p_yes:.2f})"
    return (
        f'user {record.user_id} ({record.raw_user_id}), item {record.item_id} "{record.title}": '
        f"rank {record.rank} of {record.n_ranked}, score {record.score:.3f}, recommender {decision}, "
        f"explainer {record.verdict or 'undecided'}{sure}\n  {record.text}"
    )


main = stage_main(
    "explain_users",
    run,
    options=("source", "users", "items"),
    sections=("explain", "judge.n_traces", *SECTIONS),
    idle=lambda _: ("explain.n_cases",),
)
