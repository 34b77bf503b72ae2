from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recexplainer.citations.citations import resolve_citations
from recexplainer.core.records.evidence import Evidence
from recexplainer.core.records.explanation import Explanation, Guided
from recexplainer.evidence.counterfactuals import Bounds, find_removals
from recexplainer.evidence.sentences import load_sentences
from recexplainer.evidence.verification import verify
from recexplainer.explaining.cases import Case, case_of
from recexplainer.explaining.replies import Replier
from recexplainer.explaining.reply import NamedItem, Origin
from recexplainer.explaining.template import TemplateWriter, decision_of
from recexplainer.prompting.requests import load_request
from tests import tiny

HISTORY, ITEM = [3, 5, 3, 8, 1, 2, 9], 6  # of which prompts show the newest four
ORIGIN = Origin("recexplainer-demo-explainer-both", "3", "abc")


def template() -> TemplateWriter:
    words = load_request(tiny.settings().explain), load_sentences(None)
    return TemplateWriter(tiny.mf(), tiny.writer(), *words, Bounds(5, 0.2, 0.5))


def case(history: list[int] = HISTORY, item: int = ITEM) -> Case:
    scores = tiny.mf().scores([history])[0].double().numpy()
    return case_of(history, item, scores, 0.2, 0.5, 4, 0)


def explained(text: str, asked: Case, **changes: object) -> Explanation:
    """What an explainer wrote of a case."""
    [record] = template().explain([asked])
    found = resolve_citations(text, asked.example.history, tiny.catalogue(), asked.example.items[0])
    named = {"cited_items": found.cited_items, "other_items": found.in_catalogue, "invented_titles": found.invented}
    given = {"text": text, "source": "both", "verdict": "Yes", "p_yes": 0.75, "citations": found.mentions, **named}
    return replace(record, **(given | changes))


def rank_without(history: list[int], removed: int, item: int) -> int:
    """Asked of the recommender directly: among the items outside the whole history."""
    scores = tiny.mf().scores([[other for other in history if other != removed]])[0].numpy()
    return 1 + sum(
        scores[rival] >= scores[item] for rival in range(1, tiny.N_ITEMS + 1) if rival not in [*history, item]
    )


def test_an_item_that_a_history_holds_twice_is_gone_twice() -> None:
    asked = case()
    [reply] = Replier(template(), ORIGIN).replies([asked], [explained('Yes. "Rust; Bone; Glory" is like it.', asked)])
    [reason] = reply.cited
    left = [item for item in HISTORY if item != 3]
    assert reason.id == 3 and len(left) == len(HISTORY) - 2
    assert reason.score_without == pytest.approx(float(tiny.mf().scores([left])[0, ITEM]), abs=1e-6)
    assert reason.score_without != pytest.approx(float(tiny.mf().scores([HISTORY[1:]])[0, ITEM]), abs=1e-6)


def test_each_cited_item_says_what_its_removal_does() -> None:
    asked = case()
    text = 'Yes. "Rust II", the older "星の庭 Hoshi", the other "Iron Wolf" and the invented "Grey Tide" are like it.'
    [reply] = Replier(template(), ORIGIN).replies([asked], [explained(text, asked)])
    assert (reply.text, reply.text_by, reply.defects, reply.verdict, reply.p_yes) == (text, "both", [], "Yes", 0.75)
    assert [(reason.id, reason.raw_id, reason.title, reason.in_history) for reason in reply.cited] == [
        (2, "B2", "Rust II", True), (5, "B5", "星の庭 Hoshi", True), (12, "B12", "Iron Wolf", False),
        (None, None, "Grey Tide", False),
    ]  # fmt: skip
    for reason in reply.cited[:2]:
        assert reason.id is not None
        rest = [item for item in HISTORY if item != reason.id]
        assert reason.score_without == pytest.approx(float(tiny.mf().scores([rest])[0, ITEM]), abs=1e-5)
        assert reason.rank_without == rank_without(HISTORY, reason.id, ITEM)
    assert [reason.rank_without for reason in reply.cited[2:]] == [None, None]
    assert reply.item == NamedItem(6, "B6", "Slot <item> Machine") and reply.model == ORIGIN


def test_what_would_change_the_decision_is_said_beside_the_text_and_is_true() -> None:
    asked = case()
    [reply] = Replier(template(), ORIGIN).replies([asked], [explained('Yes. Like "Rust II".', asked)])
    [removal] = find_removals(tiny.mf(), [decision_of(asked)], "shift", Bounds(5, 0.2, 0.5))
    assert reply.counterfactual == load_sentences(None).counterfactual(removal, tiny.catalogue())
    assert removal.removed and str(removal.rank_after) in reply.counterfactual and reply.text == 'Yes. Like "Rust II".'
    assert asked.label is not None
    assert verify(tiny.mf(), [decision_of(asked)], [removal]).all()
    records = [explained("Yes.", asked, label="No"), explained("Yes.", asked, label=None, verdict=None)]
    replies = Replier(template(), ORIGIN).replies([asked] * 2, records)
    assert [reply.counterfactual for reply in replies] == [None, None]


def test_score_rank_and_evidence_are_the_recommenders() -> None:
    asked = case()
    [reply] = Replier(template(), ORIGIN).replies([asked], [explained('Yes. Like "Rust II".', asked)])
    scores = tiny.mf().scores([HISTORY], exclude_seen=True)[0].double().numpy()
    order = np.argsort(-scores[np.isfinite(scores)])
    assert reply.score == pytest.approx(scores[ITEM], abs=1e-5) and reply.n_ranked == len(order) == 6
    assert reply.rank == int((scores >= scores[ITEM]).sum())
    [record] = template().explain([asked])
    assert record.evidence is not None and record.evidence.items
    assert [reason.id for reason in reply.evidence] == record.evidence.items
    assert [reason.strength for reason in reply.evidence] == record.evidence.strengths


def test_a_text_with_defects_is_replaced_by_the_templates_and_says_so() -> None:
    asked = [case(), case([4, 9], 2), case([7], 10)]
    texts = ['Yes. Like "Rust II".', "Yes YesYesYesYes", 'No. Unlike "Fox".']
    records = [explained(text, one, verdict=one.label) for text, one in zip(texts, asked, strict=True)]
    records[1] = replace(records[1], defects=["repeats", "unfinished"])
    replies = Replier(template(), ORIGIN).replies(asked, records)
    assert [reply.text_by for reply in replies] == ["both", "template", "both"]
    [stand_in] = template().explain([asked[1]])
    assert replies[1].text == stand_in.text and "Yes YesYes" not in str(replies[1].to_dict())
    assert replies[1].defects == ["repeats", "unfinished"] and replies[0].defects == []
    assert (replies[1].verdict, replies[1].p_yes) == (
        asked[1].label,
        0.75,
    )  # of the explainer
    assert [reason.id for reason in replies[1].cited] == stand_in.cited_items
    assert [reply.text for reply in replies] == [texts[0], stand_in.text, texts[2]]
    assert replies[1].counterfactual is None and "would change the decision" in stand_in.text  # it says it itself


def test_a_text_that_gives_reasons_for_another_decision_is_replaced() -> None:
    asked = case()
    assert asked.label == "Yes"
    [reply] = Replier(template(), ORIGIN).replies([asked], [explained('No. Unlike "Fox".', asked, verdict="No")])
    assert (reply.text_by, reply.defects) == ("template", ["other_verdict"]) and reply.text.startswith("Yes. ")
    assert (reply.label, reply.verdict, reply.p_yes) == ("Yes", "No", 0.75)
    assert "(other verdict)" in reply._repr_html_()


def test_where_no_item_carries_the_decision_the_template_says_so() -> None:
    asked = case()
    own = explained('Yes. "Rust" is new.', asked, guided=Guided(0, 0), evidence=Evidence([], [], "shift"))
    [reply] = Replier(template(), ORIGIN).replies([asked], [own])
    assert (reply.text_by, reply.defects) == ("template", ["no_evidence"])
    assert Replier(template(), ORIGIN).replies([asked], [replace(own, guided=None)])[0].text_by == "both"


def test_an_item_of_the_history_may_be_asked_about() -> None:
    asked = case([1, 6, 3], 6)
    assert (asked.label, asked.n_ranked) == (None, 10)
    [reply] = Replier(template(), ORIGIN).replies([asked], [explained('Yes. Like "Rust".', asked)])
    assert (reply.label, reply.rank, reply.n_ranked) == (None, asked.rank, 10)
    assert reply.cited[0].rank_without == rank_without([1, 6, 3], 1, 6)
