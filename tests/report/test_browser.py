"""The page in a real browser: it draws the explorer, filters it from its address, and runs nothing else."""

import re
import shutil
import subprocess
from html import unescape

import pytest

from recexplainer.report.page import build_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1280,900", "--virtual-time-budget=3000",
    "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Open the page at an address; its elements after the script has run, and what the console says."""
    folder = tmp_path_factory.mktemp("browser")
    visits = iter(range(1000))

    def visit(inputs, fragment=""):
        page = folder / "index.html"
        page.write_text(build_page(inputs, 12), encoding="utf-8")
        profile = folder / f"profile-{next(visits)}"
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"{page.as_uri()}{fragment}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        return done.stdout, re.findall(r"CONSOLE.*", done.stderr)

    return visit


def listed(dom):
    return re.findall(r'<button type="button" data-id="([^"]+)"', dom)


def shown(dom):
    """The text of the case that is shown, without tags."""
    article = re.search(r'<article id="case">(.*?)</article>', dom, re.DOTALL).group(1)
    return unescape(re.sub(r"<[^>]+>", " ", article))


def test_explorer_is_drawn_and_nothing_else_runs(browse, inputs):
    dom, console = browse(inputs)
    assert 'data-ready="true"' in dom
    assert console == []
    assert len(listed(dom)) == 12
    assert "12 of 12 cases" in dom
    assert '<mark class="history" title="in the history">' in dom
    assert '<mark class="invented" title="invented">Phantom of Nowhere</mark>' in dom
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in dom
    without_scripts = re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL)
    assert not re.search(r"<script|<img|<item", without_scripts)


def test_address_filters_by_user_decision_source_and_level(browse, inputs):
    dom, _ = browse(inputs, "#cases?user=3")
    assert [name.split("-")[0] for name in listed(dom)] == ["u3"]
    dom, _ = browse(inputs, "#cases?label=No&source=intention&verdict=right&level=D")
    assert listed(dom) and all(int(name[1:].split("-")[0]) % 6 == 2 for name in listed(dom))
    text = shown(dom)
    assert "intention" in text and "would not recommend" in text and "Level D" in text
    assert "behaviour" not in text.split("History, oldest first")[1].split("What it was asked")[0].replace(
        "by behaviour", ""
    )


def test_search_ignores_case_and_accents_and_a_case_can_be_linked(browse, inputs):
    dom, _ = browse(inputs, "#cases?q=unicode+OSTERLUND&case=u5-p9-i5")
    assert 0 < len(listed(dom)) <= 12
    assert re.search(r'data-id="u5-p9-i5" aria-current="true"', dom)
    assert "to user 5: place 2 of 192, score 3.25." in " ".join(shown(dom).split())


def test_no_fitting_case_is_said(browse, inputs):
    dom, console = browse(inputs, "#cases?q=xyzzy")
    assert "No case fits these filters." in dom
    assert "0 of 12 cases" in dom and console == []
