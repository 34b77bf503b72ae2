from __future__ import annotations

import pytest

from recexplainer.core.errors import InputError
from tests.recommenders.made_elsewhere import open_at, write_adapter


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": "nowhere"}, r"train_recommender\.external\.folder: nowhere is not a folder"),
        ({"adapter": "gone.py"}, r"external\.adapter: .*gone\.py: no such file"),
        ({"adapter": "/etc/own.py"}, r"external\.adapter: /etc/own\.py must lie in .*\.folder"),
        ({"model": "../elsewhere"}, r"external\.model: \.\./elsewhere must lie in"),
        ({"model": "gone"}, r"external\.model: .*gone: no such file or folder"),
        ({"adapter": "own.py:ScoreOnly"}, r"has no class 'ScoreOnly'; did you mean 'ScoresOnly'"),
        ({"adapter": None}, r"is not an MLflow model and has no item_vectors\.npy or \.safetensors"),
    ],
)  # fmt: skip
def test_what_the_parameters_name_and_is_not_there_is_one_line(split, tmp_path, changes, message):
    named = write_adapter(tmp_path)
    with pytest.raises(InputError, match=message):
        open_at(split, tmp_path, **{**named, **changes})
