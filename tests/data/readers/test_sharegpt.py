from __future__ import annotations

import gzip
import json

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.readers.sharegpt import find_dialogues, read_dialogues


def entry(*turns, **more):
    senders = ("human", "gpt")
    conversations = [
        turn if isinstance(turn, dict) else {"from": senders[n % 2], "value": turn} for n, turn in enumerate(turns)
    ]
    return {"id": "a", "conversations": conversations} | more


def write(path, value):
    text = value if isinstance(value, str) else json.dumps(value)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_reads_turns_in_order(tmp_path):
    path = write(tmp_path / "d.json", [entry("Hi", "Hello", "Bye", " Bye! "), entry("1", "2", id=None)])
    dialogues, report = read_dialogues(path)
    assert dialogues[0] == {
        "id": "a",
        "turns": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
            {"role": "assistant", "content": "Bye!"},
        ],
    }
    assert dialogues[1]["id"] == "2"
    assert (report.n_read, report.n_bad, report.n_trimmed) == (2, 0, 0)


def test_bad_entries_are_counted_and_told(tmp_path):
    twice = entry({"from": "human", "value": "a"}, {"from": "human", "value": "b"}, {"from": "gpt", "value": "c"})
    bad = [
        "text", {"id": "x"}, entry("only a question"), entry("a", ""), twice,
        entry({"from": "robot", "value": "a"}), entry({"from": "human"}),
    ]  # fmt: skip
    dialogues, report = read_dialogues(write(tmp_path / "d.json.gz", [*bad, entry("a", "b"), entry("c", "d")]))
    assert [dialogue["id"] for dialogue in dialogues] == ["a", "a-9"]
    assert report.n_bad == 7
    assert report.bad_examples[1] == "entry 2: 'conversations' is missing or not a list"
    with pytest.raises(
        InputError, match="no entry can be used as a dialogue; entry 1: 'conversations' is missing or not a list"
    ):
        read_dialogues(write(tmp_path / "d.json", bad))


def test_what_leads_and_what_is_unanswered_is_cut_off_and_counted(tmp_path):
    turns = [("gpt", "x"), ("human", "a"), ("gpt", "b"), ("human", "c")]
    path = write(tmp_path / "d.json", [entry(*({"from": sender, "value": text} for sender, text in turns))])
    dialogues, report = read_dialogues(path)
    assert [turn["content"] for turn in dialogues[0]["turns"]] == ["a", "b"]
    assert report.n_trimmed == 1


def test_a_system_turn_becomes_the_beginning_of_the_first_question(tmp_path):
    turns = [("system", "Be kind."), ("human", "a"), ("gpt", "b")]
    path = write(tmp_path / "d.json", [entry(*({"from": sender, "value": text} for sender, text in turns))])
    dialogues, report = read_dialogues(path)
    assert dialogues[0]["turns"][0] == {"role": "user", "content": "Be kind.\n\na"}
    assert report.n_with_system == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [("[\n{", "line 2: malformed JSON"), ('{"id": 1}', "expected a ShareGPT file, a JSON list")],
)
def test_a_malformed_file_is_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_dialogues(write(tmp_path / "d.json", content))


def test_a_plain_name_may_be_missing_and_a_path_may_not(tmp_path, monkeypatch):
    assert find_dialogues(tmp_path, None) is None
    assert find_dialogues(tmp_path, "dialogues.json") is None
    with pytest.raises(InputError, match=r"talk/dialogues.json: no such file; correct dataset.dialogues_file"):
        find_dialogues(tmp_path, "talk/dialogues.json")
    inside = write(tmp_path / "dialogues.json", [])
    assert find_dialogues(tmp_path, "dialogues.json") == inside
    assert find_dialogues(tmp_path / "other", str(inside)) == inside
    assert read_dialogues(inside)[0] == []
