"""The part of the page that shows what removed items do to a decision."""

from __future__ import annotations

import numpy as np
import streamlit as st

from recexplainer.app import words
from recexplainer.app.history import remove
from recexplainer.app.models import Models
from recexplainer.app.whatif import rank_items, smallest_removal
from recexplainer.core.records.evidence import Counterfactual
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
    case = models.case(history, item)
    label, rank, score = said = _said(models, history, item, scores)
    if scores_after is not None:
        after = _said(models, history, item, scores_after)
        label, rank, score = (f"{was} → {now}" for was, now in zip(said, after, strict=True))
    st.subheader(words.label(models.catalogue.title(item)), anchor=False)
    parts = [("recommender:", label), ("rank", rank), ("of", str(case.n_ranked)), ("score", score)]
    st.html(words.html("line", parts=parts))
    found = smallest(models, tuple(history), item)
    if found is not None:
        sentence = models.template.sentences.counterfactual(found, models.catalogue)
        st.html(words.html("said", pieces=[(sentence, "")]))
        st.button("Remove these", on_click=remove, args=(found.removed,), disabled=not found.removed)


def _said(models: Models, history: list[int], item: int, scores: np.ndarray) -> tuple[str, str, str]:
    """Decision, rank and score by the scores of the items outside the history."""
    bounds, [ranked] = models.template.bounds, rank_items(scores, [item])
    case = case_of(history, item, scores.copy(), bounds.like_top, bounds.dislike_bottom, len(history), 0)
    return case.label or "undecided", str(ranked.rank), f"{ranked.score:.3f}"
