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


def lock_of(**stages: tuple[dict[str, str], dict[str, str]]) -> None:
    """Write a dvc.lock of stages, each with the hashes of what it read and of what it wrote."""
    Path("dvc.lock").write_text(
        yaml.safe_dump(
            {
                "stages": {
                    name: {
                        part: [{"path": path, "md5": md5} for path, md5 in of.items()]
                        for part, of in zip(("deps", "outs"), parts, strict=True)
                    }
                    for name, parts in stages.items()
                }
            }
        )
    )


def test_metrics_have_to_describe_the_pointers_model() -> None:
    pointer = store.pointer("explainer-both")
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": "1"})
    with pytest.raises(InputError, match="dvc.lock: no such file"):
        promotion.require_current(FILE, "explainer-both")
    first = {pointer.as_posix(): dvc_md5(pointer)}
    lock_of(register=({}, first), evaluate=(first, {FILE: dvc_md5(FILE)}))
    promotion.require_current(FILE, "explainer-both")
    with pytest.raises(InputError, match="no stage in dvc.lock writes it"):
        promotion.require_current("metrics/other.json", "explainer-both")
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": "2"})
    with pytest.raises(InputError, match="explainer-both.json: does not match dvc.lock"):
        promotion.require_registered("explainer-both")
    lock_of(register=({}, {pointer.as_posix(): dvc_md5(pointer)}), evaluate=(first, {FILE: dvc_md5(FILE)}))
    with pytest.raises(InputError, match="was measured on a different model"):
        promotion.require_current(FILE, "explainer-both")
    store.write_json(FILE, {"a": 1})
    with pytest.raises(InputError, match="metrics/m.json: does not match dvc.lock"):
        promotion.require_current(FILE, "explainer-both")


@pytest.mark.parametrize("kind", ["sasrec", "gru4rec"])
def test_a_pointer_that_its_stage_did_not_write_last_is_refused(kind: str) -> None:
    """That of an older checkout, and that of the recommender before `recommender.kind` was changed."""
    pointer, written = store.pointer("recommender-sasrec"), store.pointer(f"recommender-{kind}").as_posix()
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": "old"})
    lock_of(
        train=({}, {"models/recommender": "new", FILE: dvc_md5(FILE)}),
        register=({"models/recommender": "new"}, {written: "new"}),
    )
    wanted = "does not match dvc.lock" if kind == "sasrec" else "no stage in dvc.lock writes it"
    with pytest.raises(InputError, match=f"recommender-sasrec.json: {wanted}"):
        promotion.require_registered("recommender-sasrec")


@pytest.mark.parametrize("registered", ["new", "old"])
def test_a_pointer_to_an_older_model_than_the_measured_one_is_refused(registered: str) -> None:
    pointer = store.pointer("recommender-sasrec")
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": registered})
    lock_of(
        train=({}, {"models/recommender": "new", FILE: dvc_md5(FILE)}),
        register=({"models/recommender": registered}, {pointer.as_posix(): dvc_md5(pointer)}),
    )
    if registered == "new":
        promotion.require_registered("recommender-sasrec")
        return
    with pytest.raises(InputError, match="names a model of a different models/recommender"):
        promotion.require_registered("recommender-sasrec")


@pytest.mark.parametrize("explained", ["now", "before"])
def test_metrics_of_texts_of_an_older_model_are_refused(explained: str) -> None:
    pointer, texts = store.pointer("explainer-both"), "results/explanations_both.jsonl"
    store.write_json(pointer, {"name": "n", "alias": "candidate", "content_sha256": "1"})
    now = dvc_md5(pointer)
    lock_of(
        register=({}, {pointer.as_posix(): now}),
        explain=({pointer.as_posix(): now if explained == "now" else "before"}, {texts: "t"}),
        judge=({texts: "t"}, {FILE: dvc_md5(FILE)}),
    )
    if explained == "now":
        promotion.require_current(FILE, "explainer-both")
        return
    with pytest.raises(InputError, match="was measured on a different model"):
        promotion.require_current(FILE, "explainer-both")


def test_metrics_of_a_folder_of_results_that_has_changed_are_refused() -> None:
    store.write_text("results/a.txt", "one")
    store.write_json(pointer := store.pointer("source-classifier"), {"content_sha256": "1"})
    lock_of(
        register=({}, {pointer.parent.as_posix(): dvc_md5(pointer.parent)}),
        explain=({}, {"results/a.txt": dvc_md5("results/a.txt")}),
        discriminate=({"results": dvc_md5("results")}, {FILE: dvc_md5(FILE)}),
    )
    promotion.require_current(FILE, "source-classifier")
    store.write_text("results/a.txt", "two")
    with pytest.raises(InputError, match="was measured on a different results"):
        promotion.require_current(FILE, "source-classifier")
