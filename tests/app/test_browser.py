"""The page in a real browser, on registered models: from a user to a rating that `ratings agree` reads."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recexplainer import cli, store
from recexplainer.app.whatif import rank_items, scores_without
from recexplainer.judging.feedback import read_human_feedback
from recexplainer.tracking import registry, runs
from tests import tiny
from tests.conftest import REPOSITORY
from tests.records import make_explanation
from tests.report.chromium import PROGRAM, Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")]
HISTORY = [3, 5, 3, 8, 1]  # of user U1
EVIL = "<script>window.hit = 1</script> <b>x</b> **bold** :red[red] -- [a](http://b.c) www.d.example $x$"
TICK_ALL = "[...document.querySelectorAll('button')].find((b) => b.innerText.trim() === 'Tick all')"
SECONDS = 200


@pytest.fixture
def address(base: Path, project: Path) -> Iterator[str]:
    """The page on two registered explainers, where each title would be markup."""
    from mlflow import MlflowClient

    catalogue = tiny.catalogue().frame
    catalogue["title"] = [f"{EVIL} {title}" for title in catalogue["title"]]
    tiny.write_prepared()
    store.write_catalogue(catalogue)
    store.write_explanations("both", [make_explanation()])
    for mode in ("behaviour", "both"):
        folder, role = Path(mode), f"explainer-{mode}"
        tiny.explainer(base, mode).save(folder)
        store.write_catalogue(catalogue, folder / store.CATALOGUE.name)
        with runs.open_run("align", tiny.settings()):
            model_id = registry.log_model_folder(folder, role, "demo")
        name, client = registry.registered_name("demo", role), MlflowClient()
        client.create_registered_model(name)
        tags = client.get_logged_model(model_id).tags
        client.create_model_version(name, f"models:/{model_id}", tags=tags, model_id=model_id)
        client.set_registered_model_alias(name, "candidate", "1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recexplainer", "app", "--port", str(port)]
    known = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    with open("server.log", "w") as log, subprocess.Popen(command, env=known, stdout=log, stderr=log) as server:
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


class Visitor:
    """A browser on the page."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self._until(lambda: "127.0.0.1" in Path("server.log").read_text() and self._answers(address))
        browser.open(address)

    def see(self, condition: str) -> None:
        """Wait until an expression in the page holds, and the page has settled."""
        settled = "!document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')"
        self._until(lambda: self.browser.run(f"!!document.body && {settled} && ({condition})"))

    def read(self, words: str) -> None:
        """Wait until the page says something."""
        self.see(f"document.body.innerText.replaceAll('\\u2060', '').includes({json.dumps(words)})")

    def press(self, name: str, within: str = "body") -> None:
        """Press the first button with a name."""
        found = f"[...document.querySelectorAll('{within} button')].find((b) => b.innerText.trim() === '{name}')"
        self.see(f"({found}) && !({found}).disabled")
        self.browser.run(f"({found}).click()")

    def go_to(self, condition: str) -> None:
        """Press Tab until something holds of the focused element `e`, round after round while the page changes."""

        def holds() -> bool:
            self.browser.press("Tab")
            held: bool = self.browser.run(f"((e) => {condition})(document.activeElement)")
            return held

        self.see("true")
        self._until(holds)

    def press_option(self, name: str) -> None:
        """Press an option of a radio group."""
        found = (
            f"[...document.querySelectorAll('[role=radiogroup] label')].find((e) => e.innerText.trim() === '{name}')"
        )
        self.see(f"!!{found}")
        self.browser.run(f"{found}.click()")

    def markup(self) -> list[str]:
        """Elements that a title became, in lists that are open, too."""
        elements = "document.querySelectorAll(':is([data-testid=stMain], [role=listbox]) :is(a, em, .katex, script)')"
        found: list[str] = self.browser.run(f"[...{elements}].map((element) => element.outerHTML)")
        return found

    def enter(self, field: str, text: str) -> None:
        """Enter a text into the first field with a label."""
        found = f"document.querySelector(`[aria-label={json.dumps(field)}]`)"
        self.see(f"!!{found}")
        self.browser.run(f"{found}.focus()")
        self.browser.ask("Input.insertText", text=text)
        self.browser.press("Enter")

    def _until(self, holds: object) -> None:
        end = time.monotonic() + SECONDS
        while not holds():  # type: ignore[operator]
            failed = self.browser.run("!!document.querySelector('[data-testid=stException]')")
            assert not failed and time.monotonic() < end, self.browser.run("document.body.innerText")
            time.sleep(0.1)

    @staticmethod
    def _answers(address: str) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", int(address.strip("/").rpartition(":")[2]))) == 0


@pytest.mark.timeout(900)
def test_from_a_user_to_a_rating_that_is_found_again(address: str, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        page = Visitor(browser, address)
        page.read("recexplainer-demo-explainer-both version 1")
        page.press_option("Compose")
        page.enter("Search the catalogue", "rust")
        page.see("document.querySelector('[aria-label=\"Item to add\"]')?.value")
        page.go_to("e.ariaLabel === 'Item to add'")
        browser.press("ArrowDown")
        page.see("document.querySelectorAll('[role=option]').length === 3")
        assert page.markup() == []
        page.press_option("By id")

        page.enter("User's id in the raw data", "U1")
        page.press("Show")
        page.read("What it recommends")
        page.see("document.querySelectorAll('[data-testid=stCheckbox]').length === 4")
        boxes = browser.run("[...document.querySelectorAll('[data-testid=stCheckbox]')].map((box) => box.innerText)")
        assert boxes[0].replace("\u2060", "").strip() == f"{EVIL} {tiny.TITLES[2]} (2 times)"
        page.go_to("e.type === 'checkbox'")
        name = browser.run("document.activeElement.ariaLabel").replace("\u2060", "")
        assert name.endswith(f" {tiny.TITLES[2]} (2 times)")
        for n_out in (1, 0):  # Space toggles the item, and stays on it
            browser.press(" ")
            page.see(f"document.querySelectorAll('[data-testid=stCheckbox] input:not(:checked)').length === {n_out}")
            page.see(f"{TICK_ALL}?.disabled === {json.dumps(n_out == 0)}")  # the program has seen it, too

        page.go_to("e.innerText?.trim() === 'Ask why'")
        browser.press("Enter")
        page.see("document.querySelectorAll('.rx-said').length === 4")
        page.read("The decision as the history goes")
        page.see("document.querySelectorAll('[data-testid=stExpander]').length === 3")
        page.see("document.querySelectorAll('[data-testid=stVegaLiteChart] :is(canvas, svg)').length > 0")
        assert browser.run("typeof window.hit") == "undefined" and page.markup() == []
        page.press("Remove what it cites (recommender)")
        page.read("→")
        removed = browser.run(
            "[...document.querySelectorAll('[data-testid=stCheckbox] input')].map((box) => !box.checked)"
        )
        items = list(dict.fromkeys(HISTORY))
        gone = [item for item, is_out in zip(items, removed, strict=True) if is_out]
        recommender = tiny.mf()
        title = browser.run("document.querySelectorAll('h3')[2].innerText").replace("\u2060", "")
        item = tiny.catalogue().item_of_title[title.removeprefix(f"{EVIL} ")]
        [before], [after] = (
            rank_items(scores_without(recommender, HISTORY, own), [item]) for own in ([], gone)
        )  # what the recommender itself says
        assert gone and before.score != after.score
        page.read(f"score {before.score:.3f} → {after.score:.3f}")
        page.read(f"rank {before.rank} → {after.rank}" if before.rank != after.rank else "rank")

        page.enter("Your name, which is kept with your ratings", "anna")
        second = "document.querySelectorAll('[data-testid=stExpander]')[1]"
        browser.run(f"{second}.querySelector('summary').click()")
        page.see(f"{second}.querySelectorAll('input[type=radio]').length === 4")
        browser.run(f"{second}.querySelectorAll('input[type=radio]')[2].click()")
        time.sleep(0.5)
        page.press("Keep the rating (both)", "[data-testid=stExpander] details[open]")
        page.read("Kept on trace")
        hosts = {request.split("/")[2] for request in browser.requests if "://" in request}
        assert hosts == {address.split("/")[2]} and browser.problems == []
    [given] = read_human_feedback("demo")
    assert (given.rater, given.value) == ("anna", "C") and given.record is not None
    assert given.record.item_id == item and given.record.user_id == 1
    assert cli.run(["ratings", "agree"]) == 0
    assert store.read_json(store.AGREEMENT)["raters"]["human:anna@mlflow"]["n"] == 1
