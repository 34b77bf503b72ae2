import re
from html.parser import HTMLParser

import pytest

from recexplainer.report import page as report_page
from recexplainer.report.drawings import inline_lines
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.packing import unpack
from recexplainer.report.page import build_page
from tests.report.conftest import make_inputs

SECTIONS = (
    *("conclusions", "run", "audit", "recommender", "alignment", "judge", "verdict"),
    *("faithfulness", "evidence", "discriminators", "cases"),
)


class Outline(HTMLParser):
    """Every element with its attributes, and the text of each script."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.scripts, self._open = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
            self._open = True

    def handle_endtag(self, tag):
        self._open = self._open and tag != "script"

    def handle_data(self, data):
        if self._open:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


@pytest.fixture(scope="module")
def page():
    return build_page(make_inputs(), 12)


def test_every_section_is_there_and_linked(page):
    elements = Outline(page).elements
    assert [attributes["id"] for tag, attributes in elements if tag == "section" and "id" in attributes] == list(
        SECTIONS
    )
    links = {attributes["href"] for tag, attributes in elements if tag == "a"}
    assert {f"#{name}" for name in SECTIONS} <= links


def test_page_loads_nothing(page):
    outline = Outline(page)
    assert not [tag for tag, _ in outline.elements if tag in ("img", "link", "iframe", "object", "embed", "base")]
    assert not [attributes for _, attributes in outline.elements if "src" in attributes]
    links = [attributes for tag, attributes in outline.elements if tag == "a"]
    assert all(a["href"].startswith("data:" if "download" in a and "id" not in a else "#") for a in links)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    assert "url(" not in style and "@import" not in style


def test_awkward_titles_stay_text(page):
    outline = Outline(page)
    assert len(outline.scripts) == 2, "the data and the explorer: no title has opened or closed a script"
    assert not [attributes for _, attributes in outline.elements if any(name.startswith("on") for name in attributes)]
    data = unpack(outline.scripts[0][1])
    titles = {data["texts"][number] for case in data["cases"] for number in case["history"]}
    assert {
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "Wild <item> Safari",
    } <= titles
    assert 'The "Lost" Lantern' in titles


def test_awkward_parameters_stay_text(inputs_with):
    params = {"dataset.name": "<script>alert(3)</script>", "llm.base": '"><img src=x onerror=alert(4)>'}
    outline = Outline(build_page(inputs_with(params=params, commit="<u>x</u>"), 4))
    assert len(outline.scripts) == 2
    assert not [tag for tag, _ in outline.elements if tag in ("img", "u")]


def test_policy_lets_only_this_script_run(page):
    policy = next(a["content"] for tag, a in Outline(page).elements if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='", policy)


def test_figures_name_their_files(page):
    for path in (
        "metrics/recommender.json",
        "metrics/alignment_both.json",
        "metrics/alignment_baselines.json",
        "metrics/judge_none.json",
        "metrics/faithfulness_intention.json",
        "metrics/faithfulness_pairs.json",
        "metrics/discriminators.json",
        "results/explanations_both.jsonl",
        "data/prepared/report.json",
    ):
        assert f"<code>{path}</code>" in page, path


def test_an_empty_project_says_which_commands_make_what_is_missing():
    page = build_page(ReportInputs(["both", "none"], {"dataset.name": "demo"}, ["both", "none"]), 10)
    for command in (
        "dvc repro prepare",
        "dvc repro train_recommender",
        "dvc repro evaluate_alignment@both",
        "dvc repro evaluate_baselines",
        "dvc repro judge@none",
        "dvc repro faithfulness@both",
        "dvc repro faithfulness@none",
        "dvc repro discriminate",
        "dvc repro explain@none",
    ):
        assert f"<code>{command}</code>" in page, command
    assert Outline(page).scripts == []


def test_the_same_inputs_give_the_same_page(inputs_with, monkeypatch):
    monkeypatch.setattr(report_page, "inline_lines", inline_lines)  # each is drawn anew
    assert build_page(inputs_with(sources=["both"]), 6) == build_page(inputs_with(sources=["both"]), 6)


def test_number_of_cases_is_bounded(inputs):
    page = build_page(inputs, 4)
    assert len(unpack(Outline(page).scripts[0][1])["cases"]) == 4
    assert "4 of 12 explained cases" in page


def test_one_source_alone_is_enough_for_a_page(inputs_with):
    page = build_page(
        inputs_with(sources=["none"], alignment={}, baselines=None, discriminators=None, judgements={}), 4
    )
    assert 'id="explorer"' in page
