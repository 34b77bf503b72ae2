from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.data.splits import TRAIN
from recexplainer.recommenders.baselines import Popularity
from recexplainer.stages import export_prompts
from recexplainer.tasks import explanation, interest_classification
from tests import tiny

MODES = ("behaviour", "intention", "both")


@pytest.fixture
def exported(empty_project: Path) -> dict[str, int]:
    """The files of a small world, with one draft; the number of rows of each."""
    tiny.write_prepared()
    tiny.write_alignment()
    asked = [e for e in store.read_alignment().of_split(TRAIN) if e.aspect == interest_classification.EXPLAIN]
    store.write_drafts([explanation.from_draft(asked[0], f"{asked[0].answer}. Since it is so.")])
    run = tiny.RecordedRun()
    export_prompts.run(tiny.settings(), run)  # type: ignore[arg-type]
    assert run.datasets == [store.ALIGNMENT]
    return run.metrics


def read(name: str) -> list[dict]:
    return json.loads((store.EXPORT / name).read_text(encoding="utf-8"))


def test_there_is_a_file_per_mode_and_split(exported: dict[str, int]) -> None:
    chats = {f"{mode}_{split}.json" for mode in MODES for split in ("train", "valid", "test")}
    chats |= {f"explan_{mode}_{split}.json" for mode in MODES for split in ("valid", "test")}
    tables = {"api_valid.csv", "api_test.csv"}
    assert {path.name for path in store.EXPORT.iterdir()} == chats | tables | {
        "dataset_info.json",
        "vectors.safetensors",
    }
    assert set(read("dataset_info.json")) == {name.removesuffix(".json") for name in chats}  # type: ignore[arg-type]
    assert {name: len(read(name)) for name in chats} == {name: exported[name] for name in chats}
    assert min(exported.values()) > 0


def test_no_user_is_on_both_sides(exported: dict[str, int]) -> None:
    split = dict(zip(tiny.users()["user_id"], tiny.users()["split"], strict=True))
    for name in exported:
        if name.endswith(".json"):
            wanted = name.removesuffix(".json").rsplit("_", 1)[1]
            assert {split[row["user_id"]] for row in read(name) if row["user_id"]} <= {wanted}


def test_slots_point_to_the_vectors_beside_them(exported: dict[str, int]) -> None:
    vectors = load_file(store.EXPORT / "vectors.safetensors")
    assert torch.equal(vectors["item_vectors"], tiny.mf().item_vectors())
    assert torch.equal(vectors["user_vectors"], store.read_alignment().user_vectors)
    for row in read("intention_test.json"):
        for slot in row["slots"]:
            assert 0 <= slot["row"] < len(vectors[f"{slot['kind']}_vectors"])


def test_a_row_names_the_line_of_its_example(exported: dict[str, int]) -> None:
    examples = store.read_alignment().examples
    for row in read("both_valid.json"):
        example = examples[int(row["id"].split("-")[1]) - 1]
        assert (example.user_id, example.position, example.items) == (row["user_id"], row["position"], row["item_ids"])
    drafts = [row for row in read("both_train.json") if row["task"] == explanation.NAME]
    assert [row["id"] for row in drafts] == ["draft-1-both"]
    assert drafts[0]["messages"][1]["content"].endswith("Since it is so.")


def test_the_table_is_read_back_whole(exported: dict[str, int]) -> None:
    with (store.EXPORT / "api_test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == exported["api_test.csv"] == 24
    ranking = next(row for row in rows if row["task"] == "item_ranking")
    assert sorted(ranking["prompt"].split("per line:\n")[1].splitlines()) == sorted(ranking["answer"].splitlines())


def test_it_is_the_same_twice_and_keeps_nothing_old(exported: dict[str, int]) -> None:
    before = {path.name: path.read_bytes() for path in store.EXPORT.iterdir()}
    (store.EXPORT / "old.json").write_text("[]")
    export_prompts.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in store.EXPORT.iterdir()} == before


def test_a_recommender_of_scores_alone_gives_the_mode_of_text(empty_project: Path) -> None:
    tiny.write_prepared(Popularity.fit(tiny.interactions()))
    tiny.write_alignment()
    with pytest.raises(InputError, match="mode intention needs vectors, but the recommender only gives scores"):
        export_prompts.run(tiny.settings(), tiny.RecordedRun())  # type: ignore[arg-type]
    assert not store.EXPORT.exists()
    settings = tiny.settings(
        "align.modes=[behaviour]", "explain.sources=[behaviour, none]", "evaluate_alignment.sources=[behaviour]"
    )
    data = store.read_alignment()
    store.write_alignment([replace(example, vector_row=-1) for example in data.examples], data.user_vectors)
    store.remove(store.EXPLANATION_DRAFTS)
    export_prompts.run(settings, tiny.RecordedRun())  # type: ignore[arg-type]
    assert not (store.EXPORT / "vectors.safetensors").exists() and read("behaviour_train.json")
