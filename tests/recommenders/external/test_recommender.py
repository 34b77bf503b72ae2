from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from recexplainer.core.contents import content_sha256
from recexplainer.core.errors import InputError
from recexplainer.recommenders.base import load_recommender
from tests.recommenders import made_elsewhere
from tests.recommenders.made_elsewhere import HISTORIES, open_at, write_adapter


def test_raw_ids_bring_the_adapters_own_order_into_the_catalogues(opened):
    recommender = opened("adapter").recommender
    expected = torch.from_numpy(made_elsewhere.vectors())
    assert recommender.has_vectors and recommender.dim == made_elsewhere.DIM
    torch.testing.assert_close(recommender.item_vectors()[1:], expected)
    torch.testing.assert_close(recommender.user_vectors([[3, 4]])[0], expected[2:4].mean(dim=0))


def test_scores_alone_are_no_vectors_and_say_so(opened):
    training = opened("adapter_of_scores")
    assert not training.recommender.has_vectors and training.recommender.dim == 0
    assert training.recommender.scores([[3]])[0].argmax() == 3
    assert training.report == {"answered_by": "scores.py: ScoresOnly", "dim": 0}
    with pytest.raises(NotImplementedError, match="external has no user vectors"):
        training.recommender.user_vectors([[1]])
    with pytest.raises(NotImplementedError, match="external has no item vectors"):
        training.recommender.item_vectors()


def test_padding_is_left_out_of_what_the_adapter_is_given(split, tmp_path):
    text = (
        "class Own:\n    asked = []\n    @classmethod\n    def load(cls, model, raw_item_ids):\n        return cls()\n"
    )
    text += "    def scores(self, histories):\n        self.asked.append(histories)\n"
    text += "        return [[1.0] * 31] * len(histories)\n"
    recommender, _ = open_at(split, tmp_path, **write_adapter(tmp_path, text=text))
    asked = recommender._behind[1].asked
    asked.clear()
    recommender.scores([[0, 5, 0, 6], [], [7]])
    assert asked == [[[5, 6], [], [7]]]


def test_threads_that_ask_take_turns(split, tmp_path):
    text = """
import time
class Own:
    inside, most = 0, 0
    @classmethod
    def load(cls, model, raw_item_ids):
        return cls()
    def scores(self, histories):
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.02)
        self.inside -= 1
        return [[float(history[0])] * 31 if history else [0.0] * 31 for history in histories]
"""
    recommender, _ = open_at(split, tmp_path, **write_adapter(tmp_path, text=text))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda item: float(recommender.scores([[item]])[0, 1]), range(1, 9)))
    assert found == list(range(1, 9)) and recommender._behind[1].most == 1


@pytest.mark.parametrize("kind", made_elsewhere.KINDS)
def test_what_is_stored_needs_nothing_else_and_stays_as_it_is(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    recommender = made_elsewhere.opened(kind, tmp_path / "own").recommender
    before = recommender.scores(HISTORIES)
    (tmp_path / "own" / "__pycache__").mkdir()
    (tmp_path / "own" / "__pycache__" / "left.pyc").write_bytes(b"out")
    recommender.save(tmp_path / "stored")
    shutil.rmtree(tmp_path / "own")
    content = content_sha256(tmp_path / "stored")
    stored = load_recommender(tmp_path / "stored")
    assert torch.equal(stored.scores(HISTORIES), before)
    assert content_sha256(tmp_path / "stored") == content
    assert not list((tmp_path / "stored").rglob("*.pyc"))
    stored.save(tmp_path / "again")
    assert content_sha256(tmp_path / "again") == content


def test_a_model_that_is_one_file_is_given_as_that_file(split, tmp_path):
    (tmp_path / "counts.json").write_text("[1]")
    (tmp_path / "large.bin").write_text("not needed")
    changes = ("return cls(len(raw_item_ids))", "assert model.read_text() == '[1]'; return cls(len(raw_item_ids))")
    recommender, _ = open_at(split, tmp_path, **write_adapter(tmp_path, changes), model="counts.json")
    recommender.save(tmp_path / "stored")
    assert load_recommender(tmp_path / "stored").scores([[3]])[0].argmax() == 3
    assert not list((tmp_path / "stored").rglob("large.bin"))


def test_an_error_while_it_is_asked_later_names_the_copy(split, tmp_path):
    fails = ("return rows", "assert [13] not in histories, 'unlucky'\n        return rows")
    recommender, _ = open_at(split, tmp_path / "own", **write_adapter(tmp_path / "own", fails))
    recommender.save(tmp_path / "stored")
    with pytest.raises(InputError, match=r"^own\.py:13: ScoresOnly\.scores: AssertionError: unlucky$"):
        load_recommender(tmp_path / "stored").scores([[13]])


def test_a_folder_that_holds_the_stored_models_is_refused(split, tmp_path):
    recommender, _ = open_at(split, tmp_path, **write_adapter(tmp_path))
    with pytest.raises(InputError, match="contains this project's models"):
        recommender.save(tmp_path / "models" / "recommender")
