from __future__ import annotations

import pytest

from recexplainer.core.errors import InputError
from tests.recommenders import made_elsewhere
from tests.recommenders.made_elsewhere import EXAMPLE, SCORES_ONLY, open_at, write_adapter


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class ScoresOnly", "class ScoresOnly(", r"own\.py: running it: SyntaxError"),
        ("class ScoresOnly", "import nothing_at_all\nclass ScoresOnly", r"own\.py:2: running it: ModuleNotFoundError"),
        ("class ScoresOnly", "raise SystemExit(0)\nclass ScoresOnly", r"own\.py:2: running it: SystemExit: 0"),
        ("class ScoresOnly:", "def nothing():", r"expected exactly one class .* found none"),
        ("def scores", "def score", r"expected exactly one class .* found none"),
        ("@classmethod", "", r"expected exactly one class .* found none"),
        ("class ScoresOnly:", "class Other:\n    pass\nclass ScoresOnly:", None),
        ("return cls(len(raw_item_ids))", "{}['B7']", r"own\.py:8: ScoresOnly\.load: KeyError: 'B7'"),
        ("return cls(len(raw_item_ids))", "pass", r"ScoresOnly\.load: expected the loaded adapter, got None"),
        ("return rows", "return rows / 0", r"own\.py:13: ScoresOnly\.scores: TypeError: unsupported operand"),
        ("return rows", "return rows[0]", r"ScoresOnly\.scores: expected the shape \(8, 31\), got \(31,\)"),
        ("return rows", "return [row[1:] for row in rows]", r"shape \(8, 31\), got \(8, 30\); .* 30 items"),
        ("return rows", "return rows[1:]", r"expected the shape \(8, 31\), got \(7, 31\)"),
        ("return rows", "return [rows[0], rows[0][1:]]", r"own\.py: ScoresOnly\.scores: ValueError"),
        ("return rows", "return [[float('nan')] * 31] * len(rows)", r"finite numbers, but 240 are not finite"),
        ("return rows", "return [[float('nan'), *row[1:]] for row in rows]", None),  # the padding's column is not read
        ("return rows", "return [[1e300] * 31] * len(rows)", r"expected finite numbers"),
        ("return rows", "import random; return [[random.random() for x in r] for r in rows]", r"on a second call"),
        ("return rows", "return [[x * len(rows) for x in r] for r in rows]", r"differently in a batch of one"),
        ("def scores", "def item_vectors(self):\n        pass\n\n    def scores", r"both user_vectors and item_v"),
    ],
)  # fmt: skip
def test_a_faulty_adapter_is_one_line_with_file_and_method(split, tmp_path, old, new, message):
    settings = write_adapter(tmp_path, (old, new))
    if message is None:
        open_at(split, tmp_path, **settings)
        return
    with pytest.raises(InputError, match=message) as caught:
        open_at(split, tmp_path, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return self.items\n", "return self.items[1:]\n", r"item_vectors: .* shape \(31, dim\), got \(30, 4\)"),
        ("return self.items\n", "return self.items[:, 0]\n", r"item_vectors: .* shape \(31, dim\), got \(31,\)"),
        ("return self.items\n", "return self.items / 0\n", r"item_vectors: expected finite numbers"),
        ("in histories])\n", "in histories])[:, 1:]\n", r"user_vectors: .* shape \(8, 4\), got \(8, 3\)"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_faulty_vectors_are_found_on_opening(split, tmp_path, old, new, message):
    made_elsewhere.write_example(tmp_path)
    with pytest.raises(InputError, match=message):
        open_at(split, tmp_path, **write_adapter(tmp_path, (old, new), text=(tmp_path / EXAMPLE).read_text()))


def test_several_fitting_classes_are_told_apart_by_name(split, tmp_path):
    named = write_adapter(tmp_path, text=SCORES_ONLY + SCORES_ONLY.replace("ScoresOnly", "Second"))
    with pytest.raises(InputError, match=r"found several: ScoresOnly, Second; name one as own\.py:ScoresOnly"):
        open_at(split, tmp_path, **named)
    assert open_at(split, tmp_path, adapter="own.py:Second")[1]["answered_by"] == "own.py: Second"
