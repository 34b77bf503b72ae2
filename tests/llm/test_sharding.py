from __future__ import annotations

import pytest

from recexplainer.llm.sharding import gather, shard


def test_every_batch_is_one_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [[1, 2], [3], [4], [5, 6], [7]]
    assert list(shard(batches)) == batches
    monkeypatch.setenv("WORLD_SIZE", "2")
    shares = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        shares.append(list(shard(batches)))
    assert shares == [[[1, 2], [4], [7]], [[3], [5, 6]]]


def test_answers_come_back_in_the_order_of_the_questions() -> None:
    assert gather({2: "c", 0: "a", 1: "b"}) == ["a", "b", "c"]
    assert gather({}) == []
