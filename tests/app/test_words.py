from __future__ import annotations

import re

import pytest

from recexplainer.app.words import html, label

EVIL = "<script>alert(1)</script> **bold** :red[x] [a](http://b.c) www.d.e $x$ <b>&amp;"


def test_a_label_holds_no_sign_that_markdown_reads() -> None:
    found = label(EVIL)
    assert re.fullmatch(r"([\w ]|\u2060\\[`*$\[\]<>&]\u2060|\u2060[^\w \\`*_~$\[\]<>&]\u2060)+", found)
    assert found.replace("\\", "").replace("\u2060", "") == EVIL
    assert label("two\nlines") == "two lines"


def test_a_title_without_paired_signs_has_a_name_without_backslashes() -> None:
    title = "Rust: Bone, Glory - Part 2 (1999)! #1"
    assert label(title).replace("\u2060", "") == title


@pytest.mark.parametrize(
    "text", ["www.d.e", "http://b.c", "a@b.c", ":smile:", ":material/home:", "--", "->", ":red[x]"]
)
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
