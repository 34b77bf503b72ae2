"""The yardsticks of alignment's benchmark train on the same examples."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from recexplainer.prompting.chat import IGNORED, Encoded
from tests.conftest import REPOSITORY


def encoded(length: int) -> Encoded:
    ids, none = np.arange(length, dtype=np.int32), np.full(length, -1, dtype=np.int32)
    return Encoded(ids, np.where(ids < length - 2, IGNORED, ids + 1), none, none)


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))


def test_batches_by_length_hold_the_same_examples_with_less_padding() -> None:
    from benchmarks.padded_training import cut

    examples = [encoded(length) for length in np.random.default_rng(1).permutation(np.arange(3, 403)).tolist()]
    random, grouped = cut(examples, 8), cut(examples, 8, by_length=True)
    for batches in (random, grouped):
        assert sorted(len(one) for batch in batches for one in batch) == list(range(3, 403))
    computed = [sum(len(batch) * max(map(len, batch)) for batch in batches) for batches in (random, grouped)]
    assert computed[1] < 0.75 * computed[0]


def test_trl_is_given_every_token_and_learns_the_same_ones() -> None:
    pytest.importorskip("trl")
    from benchmarks.trl_training import labelled

    assert labelled(encoded(4)) == {"input_ids": [0, 1, 2, 3, 4], "labels": [IGNORED, IGNORED, IGNORED, 3, 4]}


def test_a_machine_without_trl_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import alignment

    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(alignment.NotRunError, match="trl"):
        alignment.trl_trainer(None, [], None)  # type: ignore[arg-type]
