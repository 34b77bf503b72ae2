from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recexplainer.alignment import training
from recexplainer.alignment.rows import Trees, packed_rows
from recexplainer.alignment.training import rendered_share, training_examples
from recexplainer.data.examples import Example
from recexplainer.llm.packing import Tree, share_prefixes
from recexplainer.prompting.chat import Encoded
from tests import tiny
from tests.alignment.test_training import taught

pytestmark = pytest.mark.slow

DRAWN = (
    "align.mixture={next_item_retrieval: 2.5, item_ranking: 0.5, general_dialogue: 1.5, item_discrimination: 0.4}",
    "align.both_forms={behaviour: 0.6, intention: 1.3, both: 0.5}",
)


def digest(rows: Iterable[list[Tree]]) -> str:
    found = hashlib.sha256()
    for row in rows:
        found.update(b"row")
        for tree in row:
            for column in fields(Tree):
                found.update(getattr(tree, column.name).tobytes())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("with_choices", "expected"), [(True, (45, "7b420fb48afa669c")), (False, (43, "5209607422338e17"))]
)
def test_rows_are_those_of_the_reference_runs(base: Path, with_choices: bool, expected: tuple[int, str]) -> None:
    """Without choices, the digest is of code that laid out all examples in memory; the demo's figures rest on it."""
    examples, vectors = taught(tiny.mf())
    if not with_choices:
        examples = [replace(example, choices=[], shares=[]) for example in examples]
    align, explainer = tiny.settings(*DRAWN).align, tiny.explainer(base, "both", None, vectors)
    encoded = training_examples(explainer, tiny.writer(), examples, align, np.random.default_rng(0))
    rows = packed_rows(encoded, align, np.random.default_rng(0))
    assert (len(rows), digest(rows)) == expected
    assert rows.trees.n_tokens == sum(len(tree) for row in rows for tree in row) < rows.n_tokens


def test_few_examples_are_rendered_whole_and_of_many_those_that_are_trained_on() -> None:
    align = tiny.settings("align.epochs={behaviour: 0.1, intention: 3, both: 0.001}").align
    assert {rendered_share(align, mode, n) for mode in ("behaviour", "intention", "both") for n in (0, 100_000)} == {1}
    found = [rendered_share(align, mode, 10**7) for mode in ("behaviour", "intention", "both")]
    assert found == [0.1, 1, 0.01]


def test_a_share_of_an_epoch_renders_its_examples_alone_and_by_whole_groups(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, vectors = taught(tiny.mf())
    many = [replace(one, user_id=one.user_id and 10 * n + one.user_id) for n in range(20) for one in examples]
    align, explainer = tiny.settings("align.mixture={}").align, tiny.explainer(base, "intention", None, vectors)
    n_rendered = Counter[float]()
    whole: dict[float, Counter[tuple[int, int]]] = {}
    original = training.fit_answers
    for share in (1.0, 0.1):
        seen: list[Example] = []

        def watched(encoder: Any, writer: Any, example: Example, *given: Any, _seen: list = seen, **named: Any) -> Any:
            _seen.append(example)
            return original(encoder, writer, example, *given, **named)

        monkeypatch.setattr(training, "fit_answers", watched)
        encoded = training_examples(explainer, tiny.writer(), many, align, np.random.default_rng(0), share)
        rows = packed_rows(encoded, align, np.random.default_rng(0), share=share)
        n_rendered[share] = len(seen)
        assert rows.share == share and rows.n_examples >= len(seen)
        whole[share] = Counter((one.user_id, one.position) for one in seen if one.user_id)
    assert 0.03 < n_rendered[0.1] / n_rendered[1.0] < 0.2
    assert whole[0.1] and all(n == whole[1.0][pair] for pair, n in whole[0.1].items())


def test_trees_in_a_file_are_those_that_were_written_and_leave_nothing_behind(tmp_path: Path) -> None:
    trees = share_prefixes([Encoded(*(np.arange(k, k + n, dtype=np.int32) for k in range(4))) for n in (3, 1, 5)], 9)
    found = Trees(iter(trees), tmp_path / "new")
    assert len(found) == 3 and found.n_tokens == 9 and digest([list(found)]) == digest([trees])
    assert found[2].weights.dtype == np.float32 and not list((tmp_path / "new").iterdir())
    assert list(Trees([])) == []
