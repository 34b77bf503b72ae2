from __future__ import annotations

import re

import pytest

from recexplainer.app.words import html, label

EVIL = "<script>alert(1)</script> **bold** :red[x] [a](http://b.c) www.d.e $x$ <b>&amp;"


def test_a_label_holds_no_sign_that_markdown_reads() -> None:
    found = label(EVIL)
    assert "<script>" not in found.replace("\\", "") or "\\<" in found
    signs = [place for place, sign in enumerate(found) if not sign.isalnum() and sign not in " \\\u2060"]
    assert signs and all(found[place - 2 : place] == "\u2060\\" for place in signs)
    assert found.replace("\\", "").replace("\u2060", "") == EVIL
    assert label("two\nlines") == "two lines"


@pytest.mark.parametrize("text", ["www.d.e", "http://b.c", "a@b.c", ":smile:", ":material/home:", "--", "->", ":red[x]"])
def test_a_label_holds_nothing_that_streamlit_looks_for_once_backslashes_are_read(text: str) -> None:
    looked_for = r"https?://|www(?=\.)|[-.\w+]+@|:[\w+-]+:|:material/|(^|\s)(--|->)(\s|$)|:\w+\["
    assert re.search(looked_for, text) and not re.search(looked_for, label(text).replace("\\", ""))


def test_titles_are_escaped_in_every_part() -> None:
    row = {"rank": 1, "title": EVIL, "score": 0.5, "before": 2, "item": 3}
    parts = [
        html("said", pieces=[(EVIL, "history"), (EVIL, "")]),
        html("line", parts=[(EVIL, EVIL)]),
        html("ranking", rows=[row], asked=3),
        html("items", caption=EVIL, rows=[(EVIL, EVIL)]),
        html("defects", defects=[EVIL]),
    ]
    for part in parts:
        assert "<script" not in part and "<b>&amp;<" not in part and "&lt;script&gt;alert(1)" in part
    assert 'class="rx-asked"' in parts[2] and "▲ 2" in parts[2]
    assert 'title="in the history"' in parts[0]
