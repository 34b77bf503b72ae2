from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.data.examples import AlignmentData, Example
from recexplainer.store import texts

EXAMPLES = [
    Example("next_item_retrieval", split, [400], user_id=number, history=[301, 302])
    for number, split in enumerate(("train", "test", "train", "valid"))
]


def written(folder: Path) -> AlignmentData:
    store.write_alignment(EXAMPLES, torch.zeros(1, 2), folder)
    return store.read_alignment(folder)


def test_an_example_is_read_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    original = texts._json_object
    monkeypatch.setattr(
        texts, "_json_object", lambda path, line, *rest: parsed.append(line) or original(path, line, *rest)
    )
    data = written(tmp_path / "alignment")
    assert len(data.examples) == 4 and not parsed
    assert data.examples[2] == EXAMPLES[2] and parsed == [3]
    taught = data.of_split("train")
    parsed.clear()
    assert len(taught) == 2 and not parsed
    assert taught[1] == EXAMPLES[2] and parsed == [3]
    assert list(taught) == [EXAMPLES[0], EXAMPLES[2]] and list(data.examples) == EXAMPLES
    assert not hasattr(taught[0], "__dict__")


def test_what_is_mapped_stays_as_it_was_when_the_stage_writes_anew(tmp_path: Path) -> None:
    data = written(tmp_path / "alignment")
    store.write_alignment([], torch.zeros(1, 2), tmp_path / "alignment")
    assert list(data.examples) == EXAMPLES and list(store.read_alignment(tmp_path / "alignment").examples) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 2: is not valid JSON"),
        (b"[]", "line 2: expected a JSON object"),
        (b'{"task": "x"}', "line 2: has no 'split'"),
        (b'{"task": "x", "split": "test", "answer": "", "spare": 1}', "is not what build_alignment writes .*dvc repro"),
        (
            b'{"task": "x", "split": "test", "answer": [1], "choices": [2], "shares": [1]}',
            ".*first choice is its answer",
        ),
        (b'{"task": "x", "split": "test", "answer": [1], "choices": [1], "shares": []}', ".*every choice has a share"),
        (b'{"task": "\xff"}', "is not UTF-8"),
    ],
)
def test_a_malformed_line_is_one_clear_line(tmp_path: Path, line: bytes, message: str) -> None:
    written(tmp_path / "alignment")
    path = tmp_path / "alignment" / "examples.jsonl"
    first, _, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line + b"\n", *rest]))
    with pytest.raises(InputError, match=f"examples.jsonl: {message}"):
        store.read_alignment(tmp_path / "alignment").of_split("test")


def test_a_byte_that_is_no_utf_8_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"task": "x"}\n{"task": "\xff"}\n')
    place = path.read_bytes().index(b"\xff")
    with pytest.raises(InputError, match=f"not UTF-8 at byte {place};"):
        texts.read_jsonl(path)
    lines = texts.JsonLines(path)
    assert lines[0] == {"task": "x"}
    with pytest.raises(InputError, match=f"not UTF-8 at byte {place};"):
        lines[1]
