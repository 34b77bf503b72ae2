"""The part of the page that shows what removed items do to a decision."""

from __future__ import annotations

import numpy as np
import streamlit as st

from recexplainer.app import words
from recexplainer.app.history import remove
from recexplainer.app.models import Models
from recexplainer.app.whatif import rank_items, smallest_removal
from recexplainer.core.records.evidence import Counterfactual, Label
from recexplainer.explaining.cases import case_of
from recexplainer.explaining.template import decision_of


@st.cache_resource(show_spinner=False, max_entries=1000)
def smallest(_models: Models, history: tuple[int, ...], item: int) -> Counterfactual | None:
    """The smallest removal that changes a decision; None where the recommender is undecided."""
    case = _models.case(list(history), item)
    if case.label is None:
        return None
    return smallest_removal(_models.recommender, decision_of(case), _models.template.bounds)


def show_removals(
    models: Models, history: list[int], item: int, scores: np.ndarray, scores_after: np.ndarray | None
) -> None:
    """Decision, rank and score, before and after any removal, and the smallest set that changes the decision."""
    [before] = rank_items(scores, [item])
    after = None if scores_after is None else rank_items(scores_after, [item])[0]
    case = models.case(history, item)
    st.subheader(words.label(models.catalogue.title(item)), anchor=False)
    label_after = None if scores_after is None else _label(models, history, item, scores_after) or "undecided"
    parts = [
        ("recommender:", _change(case.label or "undecided", label_after)),
        ("rank", _change(str(before.rank), after and str(after.rank))),
        ("of", str(case.n_ranked)),
        ("score", _change(f"{before.score:.3f}", after and f"{after.score:.3f}")),
    ]
    st.html(words.html("line", parts=parts))
    found = smallest(models, tuple(history), item)
    if found is not None:
        sentence = models.template.sentences.counterfactual(found, models.catalogue)
        st.html(words.html("said", pieces=[(sentence, "")]))
        st.button("Remove these", on_click=remove, args=(found.removed,), disabled=not found.removed)


def _label(models: Models, history: list[int], item: int, scores: np.ndarray) -> Label | None:
    """The decision on an item by the scores after a removal."""
    bounds = models.template.bounds
    return case_of(history, item, scores.copy(), bounds.like_top, bounds.dislike_bottom, len(history), 0).label


def _change(before: str, after: str | None) -> str:
    return before if after is None else f"{before} → {after}"
