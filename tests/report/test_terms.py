"""Every term is explained in the section that uses it."""

import re

import pytest

from recexplainer.report.page import build_page
from recexplainer.report.sections.common import Section, Table
from recexplainer.report.terms import TERMS, terms_of
from tests.report.conftest import make_inputs


def names(content):
    return [name for name, _ in terms_of(content)]


def test_terms_are_found_in_readings_and_in_columns_and_none_where_none_is_used():
    assert names(Section(readings=["a loss of 0.3 nats (p < .001)"])) == ["nats", "p"]
    assert names(Section(tables=[Table(["HR@5", "Ranking, paper's gain", "History"], [])])) == [
        "HR@k", "Paper's gain", "HCR (History)",
    ]  # fmt: skip
    assert names(Section(readings=["Nothing of the kind."])) == []


def test_a_term_is_short_and_none_explains_two_things():
    assert all(10 < len(meaning) < 130 for _, meaning in TERMS.values())
    assert len({name for name, _ in TERMS.values()}) == len(TERMS)


@pytest.fixture(scope="module")
def page():
    gap = {"ndcg@10": {"difference": 0.1, "difference_interval": [0.05, 0.15]}}
    recommender = make_inputs().recommender | {"versus": {"popularity": gap, "item_knn": gap}}
    return build_page(make_inputs(recommender=recommender), 2)


@pytest.mark.parametrize(
    ("section", "terms"),
    [
        ("alignment", ["HR@k", "NDCG@k", "Paper's gain", "HCR (History)"]),
        ("faithfulness", ["nats", "AOPC", "Closed up", "Masked", "PN@k, PS@k", "FMR, FCR, DIV, USR"]),
        ("evidence", ["Evidence score", "Counterfactual"]),
        ("verdict", ["Brier score", "ECE"]),
        ("conclusions", ["NDCG@k", "HR@k", "nats"]),
    ],
)
def test_the_page_explains_terms_where_they_stand(page, section, terms):
    text = page[page.index(f'<section id="{section}"') :]
    explained = re.findall("<dt>(.*?)</dt>", text[: text.index("</section>")])
    assert {term.replace("'", "&#39;") for term in terms} <= set(explained)
    assert section != "conclusions" or "HCR (History)" not in explained, "words of prompts are no terms"
