from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import FORMS, Form, PromptWriter, readable
from recexplainer.prompting.requests import Request, load_request
from recexplainer.tasks import interest_classification
from recexplainer.tasks.rendering import render
from tests import tiny
from tests.conftest import REPOSITORY

ASKED = Example(
    interest_classification.NAME,
    "test",
    "Yes",
    user_id=1,
    position=5,
    vector_row=4,
    history=[3, 5, 3, 8, 1],
    items=[6],
    aspect=interest_classification.EXPLAIN,
)
SHIPPED = sorted(path.name for path in (REPOSITORY / "params/explain_templates").iterdir())


def request(*assignments: str) -> Request:
    return load_request(tiny.settings(*(f"explain.{assignment}" for assignment in assignments)).explain)


def written(folder: Path, text: str, *assignments: str) -> Request:
    path = folder / "own.jinja"
    path.write_text(text, encoding="utf-8")
    return request(f"template={path}", *assignments)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("history", [[3, 5, 3, 8, 1], [7], []])
def test_without_controls_the_prompt_is_the_one_of_the_alignment(form: Form, history: list[int]) -> None:
    example = replace(ASKED, history=history)
    assert request().content(tiny.writer(), example, form) == render(tiny.writer(), example, form)


@pytest.mark.parametrize("form", FORMS)
def test_controls_add_their_sentences_and_change_nothing_else(form: Form) -> None:
    plain = readable(request().content(tiny.writer(), ASKED, form))
    before, _, item = plain.rpartition("\n")
    for assignments, added in (
        (["focus=the price of fame"], " Speak above all of: the price of fame."),
        (["max_sentences=1"], " Use at most 1 sentence."),
        (["audience=end_user", "max_sentences=2"], " Write for the user, in plain words. Use at most 2 sentences."),
    ):
        asked = readable(request(*assignments).content(tiny.writer(), ASKED, form))
        assert asked == f"{before}{added}\n{item}"
    audiences = {
        readable(request(f"audience={a}").content(tiny.writer(), ASKED, form)) for a in ("developer", "auditor")
    }
    assert len(audiences | {plain}) == 3


def test_what_is_known_under_the_focus_stands_in_the_items_lines() -> None:
    lines = readable(request("focus=Players").content(tiny.writer(), replace(ASKED, history=[3, 5]), "behaviour"))
    assert "\nRust; Bone; Glory (Orbit)\n星の庭 Hoshi (Orbit, online)\n" in lines
    vectors = readable(request("focus=Players").content(tiny.writer(), replace(ASKED, items=[5]), "intention"))
    assert "online" not in vectors  # a form without text shows none


def test_what_an_items_line_shows_already_is_not_said_twice() -> None:
    frame = tiny.catalogue().frame
    frame["features"] = [["Platform: Nova", "Platform: Orbit"]] * len(frame)
    shown = readable(request("focus=platform").content(PromptWriter(Catalogue(frame), 1), ASKED, "behaviour"))
    assert shown.endswith("\nSlot <item> Machine (Nova, Orbit)")
    alone = readable(request("focus=platform").content(PromptWriter(Catalogue(frame), 0), ASKED, "both"))
    assert alone.endswith("\n<item> Slot <item> Machine (Nova, Orbit)")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_template_shows_all_that_the_form_has(name: str, form: Form) -> None:
    path = REPOSITORY / "params/explain_templates" / name
    for controls in ([], ["focus=players", "audience=auditor", "max_sentences=3"], ["audience=developer"]):
        content = request(f"template={path}", *controls).content(tiny.writer(), ASKED, form)
        aligned = render(tiny.writer(), ASKED, form)
        slots = [piece for piece in aligned if isinstance(piece, Slot)]
        assert [piece for piece in content if isinstance(piece, Slot)] == slots
        text = readable(content)
        assert "Yes" in text and "No" in text and "  " not in text and text == text.strip()
        if form != "intention":
            lines = [tiny.writer().item_text(item).removesuffix(")") for item in ASKED.history]
            places = [text.index(line) for line in dict.fromkeys(lines)]
            assert places == sorted(places) and text.count(lines[0]) == 2
        assert ("auditor" in text or "Prüfung" in text or "audit" in text) is (len(controls) == 3)


def test_a_template_of_ones_own_sees_items_and_their_attributes(tmp_path: Path) -> None:
    shown = written(tmp_path, "{{ history | join(' | ') }}: {{ item }} ({{ item.brand or 'nobody' }})")
    content = shown.content(tiny.writer(), replace(ASKED, history=[1, 2]), "behaviour")
    assert content == ["Rust (Orbit) | Rust II (Nova): Slot <item> Machine (Nova) (nobody)"]


def test_the_template_of_the_documentation_works(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/how-to/explain.md").read_text(encoding="utf-8")
    own = written(tmp_path, page.split("```jinja\n")[1].split("\n```")[0])
    shown = readable(own.content(tiny.writer(), replace(ASKED, history=[1, 2]), "both"))
    assert shown == (
        "User: <user>\nBought so far:\n- <item> Rust (Orbit)\n- <item> Rust II (Nova)\n"
        "Answer Yes or No: will this be bought next, and why?\n<item> Slot <item> Machine (Nova)"
    )


def test_no_title_becomes_a_template_or_a_slot(tmp_path: Path) -> None:
    frame = tiny.catalogue().frame
    frame.loc[5, "title"] = "{{ item }} \ue0001\ue000 {% raw %}"
    frame["features"] = [["Kind: \ue0001\ue000 {{ form }}"]] * len(frame)
    own = written(tmp_path, "{{ history | first }} {{ item }} {{ item.title }} {{ item.facts[0] }}", "focus=kind")
    content = own.content(PromptWriter(Catalogue(frame), 0), replace(ASKED, history=[1]), "both")
    assert [piece for piece in content if isinstance(piece, Slot)] == [Slot("item", 1), Slot("item", 6)]
    title = "{{ item }} \ue0001\ue000 {% raw %}"
    assert content[-1] == f" {title} (\ue0001\ue000 {{{{ form }}}}) {{{{ item }}}} 1 {{% raw %}} 1 {{{{ form }}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ item }\n", "own.jinja: line 1: unexpected '}'"),
        ("\n{% if focus %}{{ item }}", "own.jinja: line 2: Unexpected end of template"),
        ("{{ item }} {{ histroy }}", "unknown variable 'histroy'; did you mean 'history'?"),
        ("{{ zzz }}", "unknown variable 'zzz'; known: audience, focus, form, history, item,"),
        ("{{ item | shout }}", "No filter named 'shout'"),
        ("{{ history | random }} {{ item }}", "No filter named 'random'"),
        ("{{ user }}\n\n{{ item.prize }}", "own.jinja: line 3: .* has no attribute 'prize' in the form both"),
        ("{{ user }}{{ item }}{{ 1 // 0 }}", "own.jinja: line 1: .*by zero"),
        ("{{ user }}{{ item }}{{ item + 1 }}", "own.jinja: line 1: unsupported operand"),
        ("{{ item.__class__ }}{{ user }}", "access to attribute '__class__' of '.*' object is unsafe"),
        ("{% include 'x' %}{{ item }}", "own.jinja: line 1: "),
        ("{{ user }} {{ history }}", "does not show the item: add {{ item }}"),
        ("{{ item }} {{ wording.INTEREST }}", "shows nothing of the user"),
    ],
)
def test_a_template_at_fault_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        written(tmp_path, text).content(tiny.writer(), ASKED, "both")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("explain.template: ")


def test_what_a_form_does_not_show_is_not_there(tmp_path: Path) -> None:
    own = written(tmp_path, "{{ user }} {{ item }}")
    assert own.content(tiny.writer(), ASKED, "intention") == [Slot("user", 4), " ", Slot("item", 6)]
    with pytest.raises(InputError, match="line 1: 'user' is undefined in the form behaviour"):
        own.content(tiny.writer(), ASKED, "behaviour")
    titled = written(tmp_path, "{{ user }} {{ item }} {{ item.title }}")
    with pytest.raises(InputError, match="has no attribute 'title' in the form intention"):
        titled.content(tiny.writer(), ASKED, "intention")


@pytest.mark.parametrize("place", ["nothing.jinja", "."])
def test_a_missing_template_is_one_clear_line(place: str) -> None:
    with pytest.raises(InputError, match="explain.template: .* is not a file; give a Jinja template"):
        request(f"template={place}")


def test_a_template_in_another_encoding_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_bytes("Gefällt {{ item }}".encode("latin-1"))
    with pytest.raises(InputError, match="own.jinja cannot be read"):
        request(f"template={tmp_path / 'own.jinja'}")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("audience=everyone", "explain.audience must be one of end_user, developer, auditor or null, not 'everyone'"),
        ("max_sentences=0", "explain.max_sentences must be at least 1"),
        ("focus= ", "no value after '='"),
        ("focus=a\nb", "explain.focus must be words on one line"),
        ("focus=" + "x" * 81, "at most 80 characters"),
        ("save_every=0", "explain.save_every must be at least 1"),
    ],
)
def test_controls_are_checked(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        request(assignment)


def test_the_record_tells_one_request_from_another(tmp_path: Path) -> None:
    asked = [request(), request("focus=price"), written(tmp_path, "{{ user }}{{ item }}")]
    records = [one.as_record() for one in asked]
    assert records[0].template is None and records[2].template == str(tmp_path / "own.jinja")
    assert records[0].template_sha256 == records[1].template_sha256 != records[2].template_sha256
    assert [record.focus for record in records] == [None, "price", None]
