"""Records as the stages write them, changed where a test says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from recexplainer.citations.citations import resolve_citations
from recexplainer.core.records.explanation import Explanation, PromptRequest
from recexplainer.core.records.judgement import Judgement
from recexplainer.data.catalogue import Catalogue

REQUEST = PromptRequest(template=None, template_sha256="0" * 64, focus=None, max_sentences=None, audience=None)
_EXPLANATION = Explanation(
    explanation_id="u1-p3-i2",
    source="both",
    user_id=1,
    position=3,
    item_id=2,
    history=[1, 3, 5],
    label="Yes",
    score=0.0,
    rank=1,
    n_ranked=9,
    prompt="Will the user like this item?",
    prompt_sha256="0" * 64,
    n_cut=0,
    request=REQUEST,
    text="Yes.",
    verdict="Yes",
    p_yes=0.9,
    citations=[],
    cited_items=[],
    other_items=[],
    invented_titles=[],
    model=None,
    base=None,
)


def make_explanation(catalogue: Catalogue | None = None, **changes: Any) -> Explanation:
    """An explanation; with a catalogue, its citations are resolved as `explain` does when it writes the text."""
    made = replace(_EXPLANATION, **changes)
    return made if catalogue is None else cited(made, catalogue)


def make_judgement(**changes: Any) -> Judgement:
    """What the rubric says of that explanation."""
    made = Judgement(
        explanation_id="u1-p3-i2", level="B", score=1, judge="rubric", reasons={"because": "cites nothing"}
    )
    return replace(made, **changes)


def cited(made: Explanation, catalogue: Catalogue) -> Explanation:
    """The explanation with the citations of its text."""
    found = resolve_citations(made.text, made.history, catalogue, made.item_id)
    return replace(
        made,
        citations=found.mentions,
        cited_items=found.cited_items,
        other_items=found.in_catalogue,
        invented_titles=found.invented,
    )
