"""The part of the page where a history is chosen or composed, and items are taken out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import islice

import numpy as np
import streamlit as st

from recexplainer.app.models import Models
from recexplainer.app.people import DISAGREE, UNFAITHFUL, People
from recexplainer.app.words import label
from recexplainer.core.errors import InputError

HISTORY, ITEM, USER = "history", "item", "user"  # what the session remembers
BY_ID, BY_ITEM, RANDOM, COMPOSE = "By id", "By an item they had", "At random", "Compose"
N_FOUND = 50  # that a search lists
_KEEP = "keep"


def start(history: Sequence[int], user_id: int = 0, item: int | None = None) -> None:
    """Look at a history, with all of its items, from now on."""
    for key in [str(key) for key in st.session_state if str(key).startswith(_KEEP)]:
        del st.session_state[key]
    st.session_state[HISTORY], st.session_state[USER] = list(history), user_id
    st.session_state["wanted"] = [] if item is None else [item]
    st.session_state[ITEM] = item


def wanted() -> list[int]:
    """The item that was chosen together with the history, in a list."""
    found: list[int] = st.session_state.get("wanted", [])
    return found


def search(models: Models, prompt: str, key: str, avoided: Collection[int] = ()) -> list[int]:
    """Items whose titles hold the words that a visitor enters; none without words."""
    entered = st.text_input(prompt, key=key, placeholder="part of a title").casefold().strip()
    titles = enumerate(models.catalogue.titles)
    found = (item for item, title in titles if entered in title.casefold() and item and item not in avoided)
    return list(islice(found, N_FOUND)) if entered else []


def choose(models: Models, people: People | None) -> None:
    """Ways to choose a history."""
    ways = [BY_ID, BY_ITEM, RANDOM, *people.telling, COMPOSE] if people else [COMPOSE]
    way = st.radio("Whose history", ways, horizontal=True)
    if people is None or way == COMPOSE:
        _compose(models)
    elif way == BY_ID:
        _by_id(people)
    elif way == BY_ITEM:
        _by_item(models, people)
    elif way == RANDOM:
        if st.button("Another user"):
            _random(people)
    else:
        _telling(models, people, way)


def show(models: Models) -> list[int]:
    """The history as boxes to untick; returns the items that are out."""
    state, counts = st.session_state, Counter(st.session_state[HISTORY])
    st.subheader("History, oldest first", anchor=False)
    removed = []
    for item, n in counts.items():
        state.setdefault(f"{_KEEP}{item}", True)
        title = label(models.catalogue.title(item)) + (f" ({n} times)" if n > 1 else "")
        if not st.checkbox(title, key=f"{_KEEP}{item}"):
            removed.append(item)
    rest = [item for item in state[HISTORY] if item not in removed]
    with st.container(horizontal=True):
        st.button("Tick all", on_click=remove, args=([],), disabled=not removed)
        st.button("Go on with what is left", on_click=_go_on, disabled=not removed or not rest)
    return removed


def remove(items: Collection[int]) -> None:
    """Untick exactly these items of the history."""
    for item in set(st.session_state[HISTORY]):
        st.session_state[f"{_KEEP}{item}"] = item not in items


def _by_id(people: People) -> None:
    entered = st.text_input("User's id in the raw data", placeholder=people.raw_ids[0])
    try:
        user = people.find(entered) if entered else None
    except InputError as error:
        st.error(label(str(error)))
        user = None
    _show_button(people, user)


def _by_item(models: Models, people: People) -> None:
    found = search(models, "Search for an item", "had item")
    item = st.selectbox("Item", found, format_func=models.catalogue.title, disabled=not found)
    users = people.with_item(item, N_FOUND) if item else []
    user = st.selectbox("User", users, format_func=lambda user: people.raw_ids[user - 1], disabled=not users)
    _show_button(people, user)


def _telling(models: Models, people: People, way: str) -> None:
    cases = people.telling[way]
    if not cases:
        stage = {DISAGREE: "explain", UNFAITHFUL: "faithfulness"}[way]
        st.info(label(f"There is no such case among the stored explanations, or dvc repro {stage} has not made them."))
        return
    place = st.selectbox(
        "Decision",
        range(len(cases)),
        format_func=lambda place: (
            f"{people.raw_ids[cases[place].user_id - 1]}: {models.catalogue.title(cases[place].item_id)} ({place + 1})"
        ),
    )
    if place is not None:
        case = cases[place]
        if st.button("Show"):
            start(people.history(case.user_id, case.position), case.user_id, case.item_id)


def _compose(models: Models) -> None:
    found = search(models, "Search the catalogue", "catalogue")
    item = st.selectbox("Item to add", found, format_func=models.catalogue.title, disabled=not found)
    known: list[int] = st.session_state.get(HISTORY, [])
    with st.container(horizontal=True):
        added = st.button("Add as the newest", disabled=item is None)
        begun = st.button("Begin anew with it", disabled=item is None)
    if item is not None and (added or begun):
        start([*known, item] if added else [item])


def _show_button(people: People, user_id: int | None) -> None:
    """Not a callback: a click that waits for the page to be ready is about what is chosen by then."""
    if st.button("Show", disabled=user_id is None) and user_id is not None:
        _user(people, user_id)


def _go_on() -> None:
    """Look at the ticked items, which are no longer the history of a user."""
    state = st.session_state
    start([item for item in state[HISTORY] if state.get(f"{_KEEP}{item}", True)])


def _user(people: People, user_id: int) -> None:
    start(people.history(user_id), user_id)


def _random(people: People) -> None:
    _user(people, int(np.random.default_rng().integers(1, people.interactions.n_users + 1)))
