from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recexplainer import store
from recexplainer.core.contents import dvc_md5
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Gate
from recexplainer.tracking import promotion

FILE = "metrics/m.json"


@pytest.fixture(autouse=True)
def metrics(empty_project: Path) -> None:
    store.write_json(FILE, {"a": {"ndcg@5": 0.5, "text": "x", "flag": True}, "a.b": {"c": 3}})


def test_gates_are_judged_each(empty_project: Path) -> None:
    name = f"{FILE}:a.ndcg@5"
    assert promotion.failures([Gate(name, 0.5, 0.5)]) == ([], {name: 0.5})
    failed, _ = promotion.failures([Gate(name, 0.6, None), Gate(name, None, 0.4), Gate(name, 0.1, None)])
    assert failed == [
        f"{name} is 0.5, but the gate needs at least 0.6",
        f"{name} is 0.5, but the gate allows at most 0.4",
    ]


def test_keys_may_hold_dots() -> None:
    assert promotion.metric(f"{FILE}:a.b.c") == 3


@pytest.mark.parametrize("key", ["a.recall", "a.text", "a.flag", "a", ""])
def test_what_is_no_number_is_named(key: str) -> None:
    with pytest.raises(InputError, match="metrics/m.json: has no number"):
        promotion.metric(f"{FILE}:{key}")


def test_missing_files_and_malformed_names() -> None:
    with pytest.raises(InputError, match="metrics/none.json: no such file"):
        promotion.metric("metrics/none.json:a")
    with pytest.raises(InputError, match="must be <metrics file>:<dotted key>"):
        promotion.metric("metrics/m.json")


def test_metrics_have_to_describe_the_pointers_model() -> None:
    pointer = store.pointer("explainer-both")
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": "1"})
    with pytest.raises(InputError, match="dvc.lock: no such file"):
        promotion.require_current(FILE, "explainer-both")
    stage = {
        "deps": [{"path": pointer.as_posix(), "md5": dvc_md5(pointer)}],
        "outs": [{"path": FILE, "md5": dvc_md5(FILE)}],
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate": stage}}))
    promotion.require_current(FILE, "explainer-both")
    with pytest.raises(InputError, match="no stage in dvc.lock writes it"):
        promotion.require_current("metrics/other.json", "explainer-both")
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": "2"})
    with pytest.raises(InputError, match="was measured on a different model"):
        promotion.require_current(FILE, "explainer-both")
    store.write_json(FILE, {"a": 1})
    with pytest.raises(InputError, match="does not match dvc.lock"):
        promotion.require_current(FILE, "explainer-both")
