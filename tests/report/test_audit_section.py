"""The section on the recommender as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recexplainer.report.inputs import ReportInputs
from recexplainer.report.page import build_page
from recexplainer.report.sections.audit import audit_section
from tests.report.audit_figures import audit_figures
from tests.report.drawn import build_figures


def test_pictures_stand_beside_chance_and_the_floors() -> None:
    section = audit_section(audit_figures())
    where, related, floors, *_ = section.charts
    newest = where.bars[0]
    assert (newest.value, newest.mark) == (0.7, 0.125)
    assert newest.interval == pytest.approx((0.65, 0.75))
    assert [bar.label for bar in where.bars[-2:]] == ["several items only together", "nothing found"]
    assert where.bars[-1].mark is None, "nothing is not drawn at random"
    assert [bar.label for bar in related.bars][0] == "of the same series"
    assert [(bar.label, bar.value) for bar in floors.bars] == [
        ("SASRec", 0.7), ("Item neighbours", 0.35), ("Popularity", 0.0),
    ]  # fmt: skip
    assert [line.name for line in section.curves[0].lines] == ["SASRec", "Item neighbours"]


def test_only_sentences_that_hold_are_said() -> None:
    readings = audit_section(audit_figures()).readings
    assert readings[0] == "70\xa0% rest on <the> newest."
    assert not any("wrong" in sentence for sentence in readings)
    assert "the largest change is 12\xa0% of the decisions (last items, taken by the same users)" in readings[1]
    assert "80\xa0% of the first items are the same" in readings[1]
    alone = audit_figures()
    del alone["against"]
    assert len(audit_section(alone).readings) == 1


def test_it_stands_before_all_other_sections_with_its_pictures_first(inputs: ReportInputs) -> None:
    page = build_page(replace(inputs, audit=audit_figures()), 3)
    assert page.index('id="audit"') < page.index('id="recommender"')
    part = page[page.index('id="audit"') : page.index('id="recommender"')]
    assert part.index('class="charts"') < part.index("70\xa0% rest on &lt;the&gt; newest.")
    assert "A &amp; B" in part and "Genre &lt;b&gt;" in part
    figures = build_figures(ReportInputs(sources=["both"], params={}, audit=audit_figures()))
    assert "audit-the-strongest-item-where-it-stands.svg" in figures


def test_without_an_audit_it_says_what_makes_one() -> None:
    section = audit_section(None)
    assert section.missing[0].command == "dvc repro audit" and not section.charts
