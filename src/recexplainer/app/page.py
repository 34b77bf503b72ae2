"""The live page's layout. Streamlit runs this file for every action of a visitor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from recexplainer.app import history, words
from recexplainer.app.answers import show_answers
from recexplainer.app.models import Models, open_models, registered_explainers
from recexplainer.app.people import People, read_people
from recexplainer.app.removals import show_removals
from recexplainer.app.whatif import best, last, rank_items, scores_without
from recexplainer.core.environment import set_quiet_environment
from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings

N_BEST, N_LAST = 10, 3


@st.cache_resource(show_spinner="Opening the models")
def opened(params: str, alias: str) -> tuple[str, Models, People | None]:
    """The data set's name, its explainers and its users: opened once for all visitors."""
    set_quiet_environment()
    settings = load_settings(Path(params))
    models = open_models(registered_explainers(settings, alias))
    return settings.dataset.name, models, read_people(models)


def main(params: str, alias: str) -> None:
    """Lay the page out."""
    st.set_page_config("RecExplainer", layout="wide")
    st.html(words.style())
    st.title("Why does it recommend this?", anchor=False)
    try:
        dataset, models, people = opened(params, alias)
        st.html(words.html("opened", kind=models.recommender.kind, versions=models.versions))
        history.choose(models, people)
        if st.session_state.get(history.HISTORY):
            _show(dataset, models)
    except InputError as error:
        st.error(words.label(str(error)))


def _show(dataset: str, models: Models) -> None:
    items: list[int] = st.session_state[history.HISTORY]
    left, right = st.columns(2, gap="large")
    with left:
        removed = history.show(models)
    before, after = (scores_without(models.recommender, items, gone) for gone in ((), removed))
    with right:
        asked = _ranking(models, items, before, after)
    if asked is not None:
        show_removals(models, items, asked, before, after if removed else None)
        show_answers(dataset, models, items, asked)


def _ranking(models: Models, items: list[int], before: np.ndarray, after: np.ndarray) -> int | None:
    """The top ten, and the item that is asked about, by the scores before and after the removal."""
    top, bottom = best(before, N_BEST), last(before, N_LAST)
    st.subheader("What it recommends", anchor=False)
    found = history.search(models, "Search for another item", "other item", set(items))
    offered = list(dict.fromkeys([*history.wanted(), *top, *bottom, *found]))
    if st.session_state.get(history.ITEM) not in offered:
        st.session_state[history.ITEM] = offered[0]
    ranks = {row.item: row.rank for row in rank_items(before, offered)}
    asked = st.selectbox(
        "Item to ask about: the ten best, the three last, and what you search for",
        offered,
        format_func=lambda item: f"{ranks[item]}. {models.catalogue.title(item)}",
        key=history.ITEM,
    )
    st.html(words.html("ranking", rows=_rows(models, before, after), asked=asked))
    return asked


def _rows(models: Models, before: np.ndarray, after: np.ndarray) -> list[dict[str, Any]]:
    now = best(after, N_BEST)
    was = {row.item: row.rank for row in rank_items(before, now)}
    return [
        vars(row) | {"title": models.catalogue.title(row.item), "before": was[row.item]}
        for row in rank_items(after, now)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:3])
