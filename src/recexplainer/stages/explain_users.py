"""Explain the recommender's current decisions about any users and items, from one source."""

from __future__ import annotations

import json
import sys
from functools import partial

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation, UserExplanation
from recexplainer.core.settings import Settings
from recexplainer.explaining.card import print_card
from recexplainer.explaining.cases import Case, cases_of_users
from recexplainer.explaining.explain import explain_cases
from recexplainer.explaining.replies import Replier
from recexplainer.explaining.reply import Reply, origin_of
from recexplainer.explaining.selection import parse_items, parse_users
from recexplainer.explaining.template import load_template
from recexplainer.prompting.prompts import form_of
from recexplainer.prompting.requests import load_request
from recexplainer.recommenders import load_recommender
from recexplainer.stages import Extras, StageRun, Write, stage_main
from recexplainer.stages.explain import SECTIONS
from recexplainer.tracking.traces import log_explanation_traces


def run(settings: Settings, run: StageRun, source: str, users: str, items: str, as_json: bool = False) -> Write:
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
    for path in (store.INTERACTIONS, store.CATALOGUE):
        run.log_dataset(path, path.stem, "explanation")
    _say_what_is_no_decision(cases, user_ids, wanted.items)
    vectors = None
    if form_of(source) != "behaviour" and recommender.has_vectors:  # else the explainer is of another recommender
        vectors = recommender.user_vectors([interactions.sequence(user_id) for user_id in user_ids])
    kept = store.explanation_blocks("explain_users", source)
    records = explain_cases(settings, run, source, cases, recommender, vectors, kept)
    template = load_template(settings, recommender, load_request(settings.explain), store.read_catalogue())
    replies = Replier(template, origin_of(records[0].model)).replies(cases, records)
    return partial(_write, settings, run, source, records, replies, as_json)


def _write(
    settings: Settings, run: StageRun, source: str, records: list[Explanation], replies: list[Reply], as_json: bool
) -> None:
    named = _with_raw_ids(records)
    store.write_user_explanations(source, named)
    store.remove(store.explanation_blocks("explain_users", source))
    run.log_artifact(store.user_explanations(source))
    log_explanation_traces(named[: settings.judge.n_traces])
    if as_json:
        for record, reply in zip(named, replies, strict=True):
            print(json.dumps({"user": record.user_id, "raw_user": record.raw_user_id, **reply.to_dict()}))
        return
    for record, reply in zip(named, replies, strict=True):
        print_card(f"user {record.user_id} ({record.raw_user_id})", reply)
    print(f"{len(named)} explanations: {store.user_explanations(source)}")


def _say_what_is_no_decision(cases: list[Case], user_ids: list[int], items: list[int]) -> None:
    """Report named items that are in histories: they are not recommended again.

    Raises:
        InputError: Nothing else was asked for.
    """
    explained = {(case.example.user_id, case.example.items[0]) for case in cases}
    had = [(user, item) for user in user_ids for item in items if (user, item) not in explained]
    if not cases:
        raise InputError("items: the users have had every item asked for, so no decision is left to explain")
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


main = stage_main(
    "explain_users",
    run,
    options=("source", "users", "items"),
    sections=("explain", "judge.n_traces", *SECTIONS),
    idle=lambda _: ("explain.n_cases",),
    extras=Extras(flags={"as_json": ("--json", "Print one JSON object per explanation instead of cards.")}),
)
