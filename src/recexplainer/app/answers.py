"""The part of the page that asks why, tests the answers and takes ratings."""

from __future__ import annotations

from functools import partial
from typing import get_args

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from recexplainer.app import words
from recexplainer.app.asking import Answer, ask
from recexplainer.app.history import HISTORY, USER, remove
from recexplainer.app.models import Models
from recexplainer.app.whatif import deletion_curves, draw
from recexplainer.core.errors import InputError
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.records.judgement import Level
from recexplainer.explaining.template import SOURCE as TEMPLATE
from recexplainer.explaining.template import VARIANT, decision_of
from recexplainer.faithfulness.carriers import find_carriers
from recexplainer.judging.prompts import LEVELS
from recexplainer.report.cases import mark_text
from recexplainer.tracking.traces import log_human_level, log_live_trace

ASKED, SOURCES, RATER = "asked", "sources", "rater"
NAMES = {TEMPLATE: "recommender"}


@st.cache_resource(show_spinner="Asking", max_entries=1000)
def answered(_models: Models, source: str, history: tuple[int, ...], item: int, user_id: int) -> Answer:
    """What a source says; asked once, whoever asks."""
    return ask(_models, source, list(history), item, user_id)


@st.cache_resource(show_spinner=False, max_entries=1000)
def curves(
    _models: Models, history: tuple[int, ...], item: int, first: tuple[tuple[str, tuple[int, ...]], ...]
) -> pd.DataFrame:
    """Deletion curves."""
    decision = decision_of(_models.case(list(history), item))
    return deletion_curves(_models.recommender, decision, dict(first), np.random.default_rng(0))


@st.cache_resource(show_spinner=False, max_entries=1000)
def carrying(_models: Models, history: tuple[int, ...], item: int) -> list[int]:
    """All shown items that carry a decision: the recommender's text names the strongest of them."""
    [found] = find_carriers(_models.recommender, [decision_of(_models.case(list(history), item))], VARIANT)
    return found.items


@st.cache_resource(show_spinner=False, max_entries=1000)
def traced(dataset: str, explanation_id: str, _record: Explanation) -> str:
    """The trace that shows an explanation."""
    return log_live_trace(dataset, _record)


def show_answers(dataset: str, models: Models, history: list[int], item: int) -> None:
    """Ask the chosen sources, once a visitor wants it, and show what they say."""
    question = (tuple(history), item)
    chosen = st.multiselect("Ask", [*models.responders], default=[*models.responders], key=SOURCES)
    st.button("Ask why", type="primary", on_click=_ask, args=(question,), disabled=not chosen)
    st.session_state[RATER] = st.session_state.get(RATER, "")  # Streamlit forgets what it does not show
    if st.session_state.get(ASKED) != question:
        return
    st.html(words.html("legend"))
    st.text_input("Your name, which is kept with your ratings", key=RATER)
    columns, answers = st.columns(2), {}
    for place, source in enumerate([TEMPLATE, *chosen]):  # each is shown as soon as it is there
        with columns[place % 2], st.container(border=True):
            answers[source] = answered(models, source, *question, st.session_state[USER])
            _card(dataset, models, source, answers[source], carrying(models, *question))
    _curves(models, question, answers)


def _ask(question: tuple[tuple[int, ...], int]) -> None:
    st.session_state[ASKED] = question


def _name(source: str) -> str:
    return NAMES.get(source, source)


def _card(dataset: str, models: Models, source: str, answer: Answer, carriers: list[int]) -> None:
    record, shown = answer.record, answer.shown
    st.markdown(f"**{words.label(_name(source))}**")
    sure = "" if record.p_yes is None else f" ({record.p_yes:.2f})"
    grade = "" if answer.grade is None else f"{answer.grade.level}: {answer.grade.reasons['because']}"
    verdict = [("verdict", f"{record.verdict or 'undecided'}{sure}")]
    st.html(words.html("line", parts=[*verdict, *([("rubric", grade)] if grade else [])]))
    if record.defects:
        st.html(words.html("defects", defects=[name.replace("_", " ") for name in record.defects]))
    st.html(words.html("said", pieces=mark_text(shown.text, shown.citations, carriers)))
    if source == TEMPLATE:
        _evidence(models, shown)
    _remove_cited(shown, source)
    _rate(dataset, shown, source)


def _evidence(models: Models, own: Explanation) -> None:
    found = own.evidence
    title = models.catalogue.title
    if found is not None:
        rows = [(title(item), f"{nats:.2f}") for item, nats in zip(found.items, found.strengths, strict=True)]
        st.html(words.html("items", caption="What carries the decision, in nats", rows=rows))


def _remove_cited(shown: Explanation, source: str) -> None:
    cited, history, of = shown.cited_items, st.session_state[HISTORY], f"({_name(source)})"
    with st.container(horizontal=True):
        none = not cited
        st.button(f"Remove what it cites {of}", key=f"cited-{source}", on_click=remove, args=(cited,), disabled=none)
        drawn = partial(draw, history, len(cited), cited)
        st.button(f"As many others {of}", key=f"others-{source}", on_click=_remove_drawn, args=(drawn,), disabled=none)


def _remove_drawn(drawn: partial[list[int]]) -> None:
    remove(drawn(np.random.default_rng()))


def _rate(dataset: str, shown: Explanation, source: str) -> None:
    of = f"({_name(source)})"
    with st.expander(f"Rate {of}"), st.form(f"rate-{source}-{shown.explanation_id}", border=False):
        meanings = [words.label(line.partition(" - ")[2]) for line in LEVELS.splitlines()]
        level = st.radio(f"Level {of}", get_args(Level), index=None, captions=meanings)
        comment = st.text_area(f"Comment {of}")
        if st.form_submit_button(f"Keep the rating {of}"):
            rater = st.session_state[RATER].strip()
            if not rater or level is None:
                st.warning("Enter your name above, and choose a level")
                return
            place = dataset, f"{shown.source} {shown.explanation_id}", shown
            trace = traced(*place)
            try:
                log_human_level(trace, rater, level, comment.strip())
            except InputError as error:
                traced.clear(*place)  # it may have been deleted: the next rating gets a new one
                st.error(words.label(str(error)))
                return
            st.success(words.label(f"Kept on trace {trace}"))


def _curves(models: Models, question: tuple[tuple[int, ...], int], answers: dict[str, Answer]) -> None:
    first = {f"{source}: cited first": tuple(answer.shown.cited_items) for source, answer in answers.items()}
    table = curves(models, *question, tuple(first.items()))
    st.markdown("**The decision as the history goes, item by item**")
    lines = alt.Chart(table).mark_line(point=True)
    drawn = lines.encode(
        x=alt.X("removed:Q", title="items removed", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("rank:Q", title="rank", scale=alt.Scale(type="log", reverse=True, nice=False)),
        color=alt.Color("order:N", title=None, legend=alt.Legend(orient="bottom", columns=2, labelLimit=300)),
        strokeDash=alt.StrokeDash("order:N", title=None),
        tooltip=["order", "removed", "rank", alt.Tooltip("p:Q", format=".4f")],
    )
    st.altair_chart(drawn)
