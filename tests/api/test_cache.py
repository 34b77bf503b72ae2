import threading
from pathlib import Path

import pytest

from recexplainer.api.cache import AnswerCache


def test_answers_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cache.jsonl"
    with AnswerCache(path) as cache:
        assert cache.get("k") is None
        cache.put("k", {"content": "ä\n\ud800"})
        assert path.read_bytes().endswith(b"\n")  # before the file is closed
    with AnswerCache(path) as cache:
        cache.put("l", {"content": None})
        assert (len(cache), cache.n_damaged) == (2, 0)
    with AnswerCache(path) as cache:
        assert cache.get("l") == {"content": None}
        assert len(cache) == 2


def test_a_line_that_a_kill_cut_off_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    path.write_text('{"key": "a", "content": "1"}\nno json\n["x"]\n{"content": "no key"}\n{"key": "b", "cont')
    with AnswerCache(path) as cache:
        assert (cache.get("a"), cache.get("b"), cache.n_damaged) == ({"content": "1"}, None, 4)
        cache.put("b", {"content": "2"})
    with AnswerCache(path) as cache:
        assert (cache.get("a"), cache.get("b"), len(cache)) == ({"content": "1"}, {"content": "2"}, 2)


def test_a_second_opening_waits_for_the_first(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, seen = tmp_path / "cache.jsonl", []

    def second() -> None:
        with AnswerCache(path) as cache:
            seen.append(cache.get("a"))

    with AnswerCache(path) as cache:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive() and not seen
        cache.put("a", {"content": "1"})
    thread.join(10)
    assert seen == [{"content": "1"}]
    assert "in use by another run" in capfd.readouterr().err
