"""The report's explorer with many cases: size of the page, time to open it, time from a typed letter to the list.

PYTHONPATH=. python benchmarks/report.py [--cases 5000] [--words 24]

The cases are invented: five sources, prompts of eight titles, judged and tested. A headless Chromium opens the file and
types into the search field, a letter at a time. Opening ends when the explorer is drawn, a search when the
next frame after its list is due. Each time is that of this machine, browser included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from recexplainer.core.records.explanation import Explanation
from recexplainer.data.catalogue import Catalogue
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.page import build_page
from tests.records import make_explanation, make_judgement
from tests.report.chromium import Browser

SOURCES = ["behaviour", "intention", "both", "none", "template"]
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "or", "el")]
TYPE = """new Promise((done) => {
  const field = document.getElementById("filters").elements.q, found = document.getElementById("found");
  const start = performance.now();
  new MutationObserver((_, own) => {
    own.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  }).observe(found, {childList: true, characterData: true, subtree: true});
  field.value = WORD;
  field.dispatchEvent(new Event("input", {bubbles: true}));
})"""


def invent_catalogue(n_items: int, rng: np.random.Generator) -> Catalogue:
    """Items with titles of two or three invented words."""
    titles = [
        " ".join("".join(rng.choice(SYLLABLES, rng.integers(2, 4))).capitalize() for _ in range(rng.integers(2, 4)))
        for _ in range(n_items)
    ]
    return Catalogue(
        pd.DataFrame(
            {
                "item_id": np.arange(1, n_items + 1, dtype="int32"),
                "raw_id": [f"R{item}" for item in range(n_items)],
                "title": titles,
                "brand": ["Brand"] * n_items,
                "categories": [["Games", "Racing"]] * n_items,
                "features": [[]] * n_items,
                "description": [""] * n_items,
                "price": [19.99] * n_items,
            }
        )
    )


def invent_explanations(
    source: str, n_cases: int, catalogue: Catalogue, n_words: int, rng: np.random.Generator
) -> list[Explanation]:
    """One answer per case, that cites two items of its history; every source is asked of the same cases."""
    histories = np.random.default_rng(1).integers(1, len(catalogue.titles), (n_cases, 9))
    return [
        _invent(source, user, [int(item) for item in histories[user - 1]], catalogue, n_words, rng)
        for user in range(1, n_cases + 1)
    ]


def _invent(
    source: str, user: int, items: list[int], catalogue: Catalogue, n_words: int, rng: np.random.Generator
) -> Explanation:
    *history, target = items
    titles = [catalogue.title(item) for item in history]
    words = " ".join("".join(rng.choice(SYLLABLES, 2)) for _ in range(n_words))
    prompt = "\n".join(["User: <user>", "History, oldest first:", *(f"<item> {t} (Brand, Racing)" for t in titles)])
    return make_explanation(
        catalogue,
        explanation_id=f"u{user}-p9-i{target}",
        source=source,
        user_id=user,
        position=9,
        item_id=target,
        history=history,
        label="Yes" if user % 2 else "No",
        verdict="Yes" if user % 3 else "No",
        score=float(rng.normal()),
        rank=int(rng.integers(1, 190)),
        n_ranked=190,
        p_yes=float(rng.random()),
        prompt=f"{prompt}\nWill the user like this item? Answer Yes or No and explain, as the recommender would.",
        text=f'Yes. The user had "{titles[7]}" and "{titles[5]}": {words}.',
    )


def invent_rows(records: list[Explanation], rng: np.random.Generator) -> pd.DataFrame:
    """What the recommender says of each answer."""
    n = len(records)
    numbers = {name: rng.random(n) for name in ("p", "rank", "p_without_mask", "rank_without_mask")}
    return pd.DataFrame(
        {
            "explanation_id": [record.explanation_id for record in records],
            **numbers,
            "comprehensiveness_mask_random": numbers["p"] / 2,
            "carrying_items_mask": [np.array(record.cited_items[:1]) for record in records],
            "claimed_attributes": [["Racing", "Brand"]] * n,
            "claim_outcomes": [["tested", "tested"]] * n,
            "claim_effects": list(rng.random((n, 2))),
        }
    )


def invent_inputs(n_cases: int, n_words: int) -> ReportInputs:
    """A report's inputs of five sources with so many cases."""
    rng = np.random.default_rng(7)
    catalogue = invent_catalogue(2000, rng)
    explanations = {source: invent_explanations(source, n_cases, catalogue, n_words, rng) for source in SOURCES}
    reasons = {"because": "right and true, and it names an attribute that both share", "verdict_right": True,
               "n_words": 31, "unseen_titles": [], "shared_attributes": ["Racing"]}  # fmt: skip
    return ReportInputs(
        sources=SOURCES,
        params={"dataset.name": "invented"},
        catalogue=catalogue,
        explanations=explanations,
        judgements={
            source: [make_judgement(explanation_id=r.explanation_id, level="D", score=3, reasons=reasons) for r in rows]
            for source, rows in explanations.items()
        },
        faithfulness_rows={source: invent_rows(rows, rng) for source, rows in explanations.items()},
    )


def main() -> None:
    """Print size and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--words", type=int, default=24, help="words of each answer beside its titles")
    given = parser.parse_args()
    inputs = invent_inputs(given.cases, given.words)
    start = time.perf_counter()
    text = build_page(inputs, given.cases)
    print(f"{given.cases} cases of {len(SOURCES)} sources: built in {time.perf_counter() - start:.1f} s")
    print(f"size: {len(text.encode()) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        page = Path(folder) / "index.html"
        page.write_text(text, encoding="utf-8")
        browser.open(page.as_uri())  # the first one also starts the browser's processes
        start = time.perf_counter()
        browser.open(page.as_uri())
        browser.run(
            "new Promise((done) => {const wait = () => document.getElementById('explorer').dataset.ready === 'true' ?"
            " requestAnimationFrame(done) : setTimeout(wait, 5); wait()})"
        )
        print(f"open: {time.perf_counter() - start:.2f} s")
        word = "kora mi"
        times = [browser.run(TYPE.replace("WORD", repr(word[: n + 1]))) for n in range(len(word))]
        print(f"a typed letter: {np.median(times):.0f} ms in the median, {max(times):.0f} ms at most")


if __name__ == "__main__":
    main()
