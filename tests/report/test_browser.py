"""The page in a real browser: it draws the explorer, filters it by mouse, keys and address, and asks nobody."""

import csv
import io
import json
import re
from dataclasses import replace
from importlib import resources

import pytest

from recexplainer.data.catalogue import Catalogue
from recexplainer.report.page import build_page
from tests.report.chromium import PROGRAM, Browser
from tests.report.conftest import SOURCES, TARGETS, TITLES, catalogue_table, make_explanations, make_inputs

LONG, TURNED = "Unbroken" * 40, "\u202eTurned \u2067and not turned back"

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
    for line in ("Full history 8.0 %, rank 2", "Without the cited items 3.1 %, rank 7", "as many random items 6.0 %"):
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
    assert "to user 5: rank 2 of 192, score 3.25." in " ".join(shown(browser).split())


def test_no_fitting_case_is_said(browser, address):
    visit(browser, f"{address}#cases?q=xyzzy")
    assert "No case matches these filters." in shown(browser)


def test_keys_alone_reach_the_cases_and_move_through_them(browser):
    browser.run("document.querySelector('#filters input').focus()")
    for _ in range(7):  # five selects, the button and the list, which is one stop
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


def test_the_list_is_one_tab_stop_and_a_step_is_said(browser):
    assert browser.run("document.querySelectorAll('#list button[tabindex=\"0\"]').length") == 1
    browser.run("document.querySelector('#list button[tabindex=\"0\"]').focus()")
    browser.press("ArrowRight")
    assert browser.run("document.activeElement.dataset.id") == listed(browser)[1]
    assert browser.run("document.querySelector('#said').getAttribute('aria-live')") == "polite"
    assert browser.run("document.querySelector('#said').textContent").startswith("Case 2 of 12: ")
    browser.press("Tab")  # out of the list, to the steps
    assert browser.run("document.activeElement.name") == "back"


def test_steps_keep_the_focus_even_at_the_ends(browser):
    browser.run("document.querySelector('#steps [name=on]').focus()")
    for _ in range(14):
        browser.press("Enter")
    assert browser.run("document.activeElement.name") == "on"
    assert browser.run("document.activeElement.getAttribute('aria-disabled')") == "true"
    assert browser.run("document.querySelector('#list [aria-current=true]').dataset.id") == listed(browser)[-1]
    browser.press("ArrowLeft")
    assert browser.run("document.activeElement.name") == "on", "arrows move the case, not the focus"
    assert browser.run("document.querySelector('#list [aria-current=true]').dataset.id") == listed(browser)[-2]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A page of 120 cases with a long unbroken title and one that turns the direction of writing."""
    inputs = make_inputs(explanations={source: make_explanations(source, 120) for source in SOURCES})
    page = tmp_path_factory.mktemp("many") / "index.html"
    page.write_text(build_page(replace(inputs, catalogue=awkward_catalogue()), 120), encoding="utf-8")
    return page.as_uri()


def awkward_catalogue():
    titles = [*TITLES]
    titles[TARGETS[0] - 1], titles[0] = LONG, TURNED
    return Catalogue(catalogue_table().assign(title=titles))


def test_cases_are_listed_by_fifty_and_keys_turn_the_page(browser, many):
    visit(browser, many)
    assert len(listed(browser)) == 50
    assert browser.run("document.querySelector('#pages span').textContent") == "1–50 of 120"
    browser.run("document.querySelector('#pages [name=on]').click()")
    first = listed(browser)[0]
    assert browser.run("document.querySelector('#list [aria-current=true]').dataset.id") == first
    assert browser.run("document.querySelector('#pages span').textContent") == "51–100 of 120"
    browser.run("document.querySelector('#list [aria-current=true]').focus()")
    browser.press("ArrowUp")
    assert browser.run("document.querySelector('#pages span').textContent") == "1–50 of 120"
    assert browser.run("document.activeElement.dataset.id") == listed(browser)[-1]
    browser.press("End")
    assert browser.run("document.querySelector('#pages span').textContent") == "101–120 of 120"
    choose(browser, "user", "3")
    assert len(listed(browser)) == 1 and browser.run("document.querySelector('#pages').hidden")


def test_a_search_waits_for_the_typist_and_then_answers_once(browser, many):
    visit(browser, many)
    browser.run(
        "(() => {window.times = 0; new MutationObserver(() => times++)"
        ".observe(document.getElementById('found'), {childList: true});"
        "for (const word of ['p', 'ph', 'phantom']) {const field = document.getElementById('filters').elements.q;"
        "field.value = word; field.dispatchEvent(new Event('input', {bubbles: true}))}})()"
    )
    assert browser.run("times") == 0
    assert browser.run("new Promise((done) => setTimeout(() => done(times), 300))") == 1


@pytest.mark.parametrize("width", [1400, 390])
def test_long_and_turned_titles_stay_in_their_box(browser, many, width):
    browser.show(width)
    visit(browser, many)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert LONG in browser.run("document.getElementById('cases').textContent")
    outside = browser.run(
        "[...document.querySelectorAll('#cases bdi, .examples bdi')].filter((title) => {"
        "const own = title.getBoundingClientRect(), box = title.parentElement.getBoundingClientRect();"
        "return own.width && (own.right > box.right + 1 || own.left < box.left - 1)}).length"
    )
    assert outside == 0
    choose(browser, "user", "3")
    turned = browser.run(
        "[...document.querySelectorAll('#case .items li')].filter((one) => one.textContent.includes('\u202e'))"
        ".map((one) => one.querySelector('.n').getBoundingClientRect().left"
        " < one.querySelector('bdi').getBoundingClientRect().left)"
    )
    assert turned and all(turned), "the number stays before its title"
    assert browser.run(
        "[...document.querySelectorAll('#case bdi')].every((one) => getComputedStyle(one).unicodeBidi === 'isolate')"
    )


def luminance(colour):
    parts = [float(part) for part in re.findall(r"[\d.]+", colour.removeprefix("color(srgb"))[:3]]
    parts = [part / 255 for part in parts] if colour.startswith("rgb") else parts
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colours):
    """The ratio of two colours, as WCAG defines it."""
    low, high = sorted(map(luminance, colours))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_counts_can_be_read_on_every_shade_of_a_confusion_cell(browser, address, scheme):
    browser.show(1280, scheme)
    visit(browser, address)
    cells = browser.run(
        "[...Array(11).keys()].map((tenth) => {const cell = document.querySelector('.confusion td');"
        "cell.style.setProperty('--share', tenth / 10); cell.className = tenth > 5 ? 'full' : '';"
        "const style = getComputedStyle(cell); return [style.color, style.backgroundColor]})"
    )
    for colours in cells:
        assert contrast(colours) >= 4.5, colours


def saved(browser, link):
    """The file that a link would save."""
    return browser.run(
        "(async () => {let kept; const own = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => {kept = blob; return '#cases'};"
        f"document.getElementById('{link}').click(); URL.createObjectURL = own; return kept.text()}})()"
    )


def test_the_cases_that_fit_are_saved_whole(browser):
    choose(browser, "label", "Yes")
    cases = json.loads(saved(browser, "as-json"))
    assert len(cases) == 6 and {case["label"] for case in cases} == {"Yes"}
    record = make_explanations("both")[2]
    case = next(case for case in cases if case["id"] == record.explanation_id)
    answer = next(answer for answer in case["answers"] if answer["source"] == "both")
    assert (answer["text"], answer["prompt"]) == (record.text, record.prompt)
    assert case["history"] == [TITLES[item - 1] for item in record.history]
    rows = list(csv.DictReader(io.StringIO(saved(browser, "as-csv"), newline="")))
    assert len(rows) == 6 * len(SOURCES)
    assert record.text in {row["text"] for row in rows}


def test_no_saved_cell_is_a_formula(browser, tmp_path):
    inputs = make_inputs()
    titles = [f"=HYPERLINK({title})" for title in TITLES]
    page = tmp_path / "index.html"
    page.write_text(build_page(replace(inputs, catalogue=Catalogue(catalogue_table().assign(title=titles))), 4))
    visit(browser, page.as_uri())
    rows = list(csv.DictReader(io.StringIO(saved(browser, "as-csv"), newline="")))
    assert rows and all(row["item"].startswith("'=") and row["history"].startswith("'=") for row in rows)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_badges_can_be_read(browser, address, scheme):
    browser.show(1280, scheme)
    visit(browser, address)
    badges = browser.run(
        "[...document.querySelectorAll('#case .badge')].map((badge) => {const style = getComputedStyle(badge);"
        "return [badge.className, style.color, style.backgroundColor]})"
    )
    assert {"badge right", "badge wrong"} <= {name for name, *_ in badges}
    for name, *colours in badges:
        assert contrast(colours) >= 4.5, name


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 390)])
def test_axe_finds_nothing(browser, address, scheme, width):
    axe = resources.files(pytest.importorskip("axe_core_python")).joinpath("axe.min.js").read_text(encoding="utf-8")
    browser.show(width, scheme)
    visit(browser, address)
    browser.run("document.querySelectorAll('details').forEach((part) => {part.open = true})")
    browser.run(f"{axe}; 0")
    found = browser.run(
        "axe.run(document, {resultTypes: ['violations']})"
        ".then((found) => found.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]))"
    )
    assert found == []


def test_a_table_on_a_phone_breaks_no_short_name(browser, address):
    browser.show(390)
    visit(browser, address)
    heights = browser.run(
        "[...document.querySelectorAll('#alignment tbody th bdi')].filter((name) => !name.textContent.includes(' '))"
        ".map((name) => name.getBoundingClientRect().height).filter(Boolean)"
    )
    assert heights and max(heights) < 30, "one line"


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
