from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from recexplainer.alignment.tasks import TASKS
from recexplainer.errors import InputError
from recexplainer.settings import alignment, load_settings, parse_settings, read_params
from recexplainer.settings.parsing import flatten
from tests.conftest import REPOSITORY

PARAMS = REPOSITORY / "params.yaml"


@pytest.fixture
def values() -> dict[str, Any]:
    return copy.deepcopy(read_params(PARAMS))


def test_the_shipped_parameters_are_valid() -> None:
    assert load_settings(PARAMS).run.seed == read_params(PARAMS)["run"]["seed"]


def test_an_unknown_key_is_named_with_its_neighbour(values: dict[str, Any]) -> None:
    values["prepare"]["kcore"] = 5
    with pytest.raises(InputError, match=r"params.yaml: unknown parameter 'prepare.kcore'; did you mean 'k_core'\?"):
        parse_settings(values)


def test_an_unknown_section_is_named(values: dict[str, Any]) -> None:
    values["prepair"] = {}
    with pytest.raises(InputError, match="unknown parameter 'prepair'; did you mean 'prepare'"):
        parse_settings(values)


def test_a_missing_key_is_named(values: dict[str, Any]) -> None:
    del values["prepare"]["split"]["valid"]
    with pytest.raises(InputError, match="parameter 'prepare.split.valid' is missing"):
        parse_settings(values)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("run", "threads", "two", "run.threads must be a whole number, not 'two'"),
        ("faithfulness", "top_ks", [1, 0], "faithfulness.top_ks must be a list of numbers of at least 1"),
        ("faithfulness", "n_random", 0, "faithfulness.n_random must be at least 1"),
        ("run", "threads", 2.0, "run.threads must be a whole number, not 2.0"),
        ("run", "seed", True, "run.seed must be a whole number, not True"),
        ("run", "threads", 0, "run.threads must be at least 1"),
        ("prepare", "min_rating", "many", "prepare.min_rating must be a number, not 'many'"),
        ("prepare", "max_items", "all", "prepare.max_items must be a whole number or null"),
        ("prepare", "split", [1, 2], "prepare.split must be a mapping"),
        ("faithfulness", "top_ks", 5, "faithfulness.top_ks must be a list, not 5"),
        ("faithfulness", "top_ks", [1, "x"], r"faithfulness.top_ks\[1\] must be a whole number"),
        ("dataset", "name", None, "dataset.name must be text, not None"),
        ("dataset", "name", "a/b", "dataset.name must be letters, digits"),
        ("dataset", "format", "amazon", "dataset.format must be one of amazon_2018, amazon_2023, movielens"),
        ("recommender", "kind", "gru", "recommender.kind must be one of"),
        ("align", "modes", ["both", "all"], "align.modes must be one of behaviour, intention, both"),
        ("align", "modes", ["both", "both"], "align.modes must be without repeats"),
        ("align", "attention", "flash_attention_2", "only they take a mask of its own for each token"),
        ("evaluate_alignment", "ranking", "beams", "evaluate_alignment.ranking must be one of constrained, free"),
        ("judge", "backend", "gpt", "judge.backend must be one of rubric, openai"),
        ("judge", "concurrency", 0, "judge.concurrency must be at least 1"),
        ("judge", "max_calls", -1, "judge.max_calls must be at least 0"),
        ("align", "row_tokens", 0, "align.row_tokens must be at least 1"),
        ("align", "learning_rate", -1.0, "align.learning_rate must be above 0"),
        ("align", "mixture", {"ranking": 1}, "align.mixture: a task must be one of next_item_retrieval, item_ranking"),
        ("align", "weights", {"item_ranking": -1}, "align.weights.item_ranking must be at least 0"),
        ("evaluate_alignment", "n_beams", 0, "evaluate_alignment.n_beams must be at least 1"),
        ("evaluate_baselines", "student_epochs", 0, "evaluate_baselines.student_epochs must be at least 1"),
        ("discriminate", "test_fraction", 7.0, "discriminate.test_fraction must be a share between 0 and 1"),
        ("report", "n_cases", -1, "report.n_cases must be at least 0"),
        ("judge", "max_cost", 2.5, "judge.max_cost must be null where the prices are null"),
        ("judge", "price_per_million_prompt_tokens", 1.0, "must be given for both kinds of token, or for none"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(values: dict[str, Any], section: str, key: str, value: Any, message: str) -> None:
    values[section][key] = value
    with pytest.raises(InputError, match=message):
        parse_settings(values)


def test_shares_of_a_split_sum_to_one(values: dict[str, Any]) -> None:
    values["prepare"]["split"] = {"train": 0.8, "valid": 0.1, "test": 0.2}
    with pytest.raises(InputError, match="sum to 1, not 1.1"):
        parse_settings(values)


def test_a_source_that_is_not_aligned_is_refused(values: dict[str, Any]) -> None:
    values["align"]["modes"] = ["both"]
    with pytest.raises(InputError, match="explain.sources names 'behaviour', which align.modes"):
        parse_settings(values)


def test_overrides_take_the_type_of_their_field() -> None:
    overrides = ["run.seed=3", "prepare.min_rating=4", "prepare.max_items=50",
                 "train_recommender.sasrec.dropout=1e-1", "llm.base=123",
                 "faithfulness.top_ks=[2, 4]", "dataset.dialogues_file=null"]  # fmt: skip
    settings = load_settings(PARAMS, overrides)
    assert settings.run.seed == 3
    assert settings.prepare.min_rating == 4.0 and isinstance(settings.prepare.min_rating, float)
    assert settings.prepare.max_items == 50
    assert settings.train_recommender.sasrec.dropout == 0.1
    assert settings.llm.base == "123"
    assert settings.faithfulness.top_ks == [2, 4]
    assert settings.dataset.dialogues_file is None


def test_the_tasks_that_can_be_mixed_are_those_that_there_are() -> None:
    assert set(alignment.TASKS) == set(TASKS)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("run.seed", "expected section.key=value"),
        ("=3", "expected section.key=value"),
        ("run.sed=3", "unknown parameter 'run.sed'; did you mean 'seed'"),
        ("rum.seed=3", "unknown parameter 'rum'; did you mean 'run'"),
        ("run.seed.deep=3", "'run.seed' is a single value, it has no 'deep'"),
        ("run.seed=", "no value after '='"),
        ("run.seed=abc", "run.seed must be a whole number, not 'abc'"),
    ],
)
def test_a_wrong_override_is_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_settings(PARAMS, [override])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("item_knn.recency=0", "item_knn.recency must be above 0 and at most 1"),
        ("item_knn.normalisation=1.5", "item_knn.normalisation must be from 0 to 1"),
        ("gru4rec.init_recency=1.1", "gru4rec.init_recency must be above 0 and at most 1"),
        ("sasrec.init_text_weight=-1", "sasrec.init_text_weight must be at least 0"),
        ("sasrec.attention_init=zeros", "sasrec.attention_init must be one of random, mean"),
        ("sasrec.dropout=1", "sasrec.dropout must be a share from 0 to below 1"),
    ],
)
def test_a_recommender_that_cannot_be_trained_is_named(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=f"train_recommender.{message}"):
        load_settings(PARAMS, [f"train_recommender.{assignment}"])


@pytest.mark.parametrize(
    ("content", "message"),
    [("run: [", "is not valid YAML"), ("- a\n", "must hold a mapping"), ("", "must hold a mapping")],
)
def test_a_malformed_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        load_settings(tmp_path / "p.yaml")
    with pytest.raises(InputError, match="no such file"):
        load_settings(tmp_path / "q.yaml")


def test_flatten_goes_back_to_the_file() -> None:
    flat = flatten(load_settings(PARAMS).prepare, "prepare")
    assert flat["prepare.split.train"] == yaml.safe_load(PARAMS.read_text())["prepare"]["split"]["train"]
