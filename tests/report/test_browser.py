"""The page in a real browser: it draws the explorer, filters it by mouse, keys and address, and asks nobody."""

import re

import pytest

from recexplainer.report.page import build_page
from tests.report.chromium import PROGRAM, Browser
from tests.report.conftest import make_inputs

pytestmark = [pytest.mark.browser, pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "index.html"
    page.write_text(build_page(make_inputs(), 12), encoding="utf-8")
    return page.as_uri()


def visit(browser, address):
    """Open the page, and wait until the explorer is drawn."""
    browser.open(address)
    assert browser.run(
        "new Promise((done) => {const wait = (n) => document.getElementById('explorer').dataset.ready === 'true' ?"
        "done(true) : n ? setTimeout(wait, 10, n - 1) : done(false); wait(3000)})"
    )


@pytest.fixture(autouse=True)
def nothing_goes_wrong(browser, address):
    """Every test starts on a fresh page, and ends without a complaint of the console or a request to any host."""
    browser.show(1280)
    visit(browser, address)
    yield
    assert browser.problems == []
    assert browser.requests == []


def listed(browser):
    return browser.run("[...document.querySelectorAll('#list button')].map((button) => button.dataset.id)")


def users(browser):
    return {int(name[1:].split("-")[0]) for name in listed(browser)}


def shown(browser):
    """The text of the case that is shown."""
    return browser.run("document.getElementById('case').innerText")


def choose(browser, name, value):
    """Choose a filter's value, as a person does."""
    browser.run(
        f"(() => {{const field = document.getElementById('filters').elements.{name};"
        f"field.value = '{value}'; field.dispatchEvent(new Event('input', {{bubbles: true}}))}})()"
    )


def test_explorer_is_drawn_and_nothing_else_runs(browser):
    dom = browser.run("document.documentElement.outerHTML")
    assert len(listed(browser)) == 12
    assert "12 of 12 cases" in dom
    assert '<mark class="history" title="in the history"><bdi>' in dom
    assert '<mark class="invented" title="invented"><bdi>Phantom of Nowhere</bdi></mark>' in dom
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in dom
    without_scripts = re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL)
    assert not re.search(r"<script|<img|<item", without_scripts)


def test_the_explorer_opens_on_the_case_that_is_explained_well(browser):
    card = browser.run("document.querySelector('.examples .title').textContent")
    assert browser.run("document.querySelector('#case h3').textContent") == card
    assert browser.run("document.querySelector('#list button').getAttribute('aria-current')") == "true"


def test_a_page_that_asks_or_complains_would_be_noticed(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<script>console.error('oh'); undefinedName()</script><img src='http://127.0.0.1:9/picture.png'>")
    browser.open(page.as_uri())
    assert browser.requests == ["http://127.0.0.1:9/picture.png"]
    assert all(word in " ".join(browser.problems) for word in ("oh", "undefinedName"))
    browser.problems, browser.requests = [], []


def test_filters_by_user_decision_and_level(browser):
    choose(browser, "user", "3")
    assert users(browser) == {3} and "to user 3:" in shown(browser)
    choose(browser, "user", "")
    choose(browser, "label", "No")
    assert users(browser) == {2, 4, 6, 8, 10, 12}
    assert "would not recommend" in shown(browser)
    choose(browser, "label", "")
    choose(browser, "source", "both")
    choose(browser, "level", "C")  # the judge's level of user u is B, C or D by u modulo 3
    assert users(browser) == {1, 4, 7, 10}
    choose(browser, "label", "Yes")
    assert users(browser) == {1, 7}
    assert "2 of 12 cases" in browser.run("document.getElementById('found').textContent")
    browser.run("document.querySelector('#filters button[type=reset]').click()")
    browser.run("new Promise((done) => setTimeout(done, 50))")
    assert len(listed(browser)) == 12


def test_an_answer_shows_its_verdict_its_level_and_what_becomes_of_the_item_without_what_it_cites(browser):
    choose(browser, "user", "2")
    choose(browser, "source", "both")
    text = " ".join(shown(browser).split())
    assert "No, right" in text and "Level D" in text and "Probability of Yes: 0.21" in text
    for line in ("All items 8.0 %, place 2", "Without the cited ones 3.1 %, place 7", "as many random ones 6.0 %"):
        assert line in text.replace("\N{NO-BREAK SPACE}", " "), line
    widths = browser.run(
        "[...document.querySelectorAll('.removal rect:nth-child(2)')].map((r) => r.width.baseVal.value)"
    )
    assert widths[1] / widths[0] == pytest.approx(0.031 / 0.08, rel=0.02)


def test_address_filters_by_user_decision_source_and_level(browser, address):
    visit(browser, f"{address}#cases?user=3")
    assert users(browser) == {3}
    visit(browser, f"{address}#cases?label=No&source=intention&verdict=right&level=D")
    assert users(browser) and all(user % 6 == 2 for user in users(browser))
    text = shown(browser)
    assert "intention" in text and "would not recommend" in text and "Level D" in text
    assert browser.run("[...document.querySelectorAll('#case .answer')].length") == 1


def test_search_ignores_case_and_accents_and_a_case_can_be_linked(browser, address):
    visit(browser, f"{address}#cases?q=unicode+OSTERLUND&case=u5-p9-i5")
    assert 0 < len(listed(browser)) <= 12
    assert browser.run("document.querySelector('#list [aria-current=true]').dataset.id") == "u5-p9-i5"
    assert "to user 5: place 2 of 192, score 3.25." in " ".join(shown(browser).split())


def test_no_fitting_case_is_said(browser, address):
    visit(browser, f"{address}#cases?q=xyzzy")
    assert "No case fits these filters." in shown(browser)


def test_keys_alone_reach_the_cases_and_move_through_them(browser):
    browser.run("document.querySelector('#filters input').focus()")
    for _ in range(7):  # five selects, the button and the list
        browser.press("Tab")
    focused = "document.activeElement.dataset.id"
    first, second, *_, last = listed(browser)
    assert browser.run(focused) == first
    browser.press("ArrowDown")
    assert browser.run(focused) == second
    browser.press("End")
    assert browser.run(focused) == last
    browser.press("Home")
    assert browser.run(focused) == first
    assert browser.run("document.querySelector('#list [aria-current=true]').dataset.id") == first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling_and_every_scheme_can_be_read(browser, address, scheme):
    browser.show(390, scheme)
    visit(browser, address)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    colours = browser.run(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        ".map((text) => text.match(/\\d+/g).map(Number).reduce((a, b) => a + b) / 3)"
    )
    ink, page = colours
    assert (page > 200 and ink < 60) if scheme == "light" else (page < 60 and ink > 200)
    small = browser.run(
        "[...document.querySelectorAll('.drawing')].map((drawing) => 11 * drawing.getBoundingClientRect().width / 340)"
    )
    assert small and min(width for width in small if width) > 9  # pixels of the smallest text in a drawing
