from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings, parse_settings
from recexplainer.core.settings.parsing import flatten
from tests.conftest import REPOSITORY

PARAMS = REPOSITORY / "params.yaml"


def test_an_unknown_key_is_named_with_its_neighbour(values: dict[str, Any]) -> None:
    values["prepare"]["kcore"] = 5
    with pytest.raises(InputError, match=r"params.yaml: unknown parameter 'prepare.kcore'; did you mean 'k_core'\?"):
        parse_settings(values)


def test_an_unknown_section_is_named(values: dict[str, Any]) -> None:
    values["prepair"] = {}
    with pytest.raises(InputError, match="unknown parameter 'prepair'; did you mean 'prepare'"):
        parse_settings(values)


def test_a_misspelt_key_is_named_rather_than_the_one_that_it_leaves_missing(values: dict[str, Any]) -> None:
    values["prepare"]["kcore"] = values["prepare"].pop("k_core")
    with pytest.raises(InputError, match="unknown parameter 'prepare.kcore'; did you mean 'k_core'"):
        parse_settings(values)


def test_a_missing_key_is_named(values: dict[str, Any]) -> None:
    del values["prepare"]["split"]["valid"]
    with pytest.raises(InputError, match="parameter 'prepare.split.valid' is missing"):
        parse_settings(values)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("run", "threads", "two", "run.threads must be a whole number, not 'two'"),
        ("run", "threads", 2.0, "run.threads must be a whole number, not 2.0"),
        ("run", "seed", True, "run.seed must be a whole number, not True"),
        ("prepare", "min_rating", "many", "prepare.min_rating must be a number, not 'many'"),
        ("prepare", "max_items", "all", "prepare.max_items must be a whole number or null"),
        ("prepare", "split", [1, 2], "prepare.split must be a mapping"),
        ("faithfulness", "top_ks", 5, "faithfulness.top_ks must be a list, not 5"),
        ("faithfulness", "top_ks", [1, "x"], r"faithfulness.top_ks\[1\] must be a whole number"),
        ("dataset", "name", None, "dataset.name must be text, not None"),
        ("prepare", "split", None, "prepare.split must be a mapping, not None"),
        ("prepare", "min_rating", "nan", "prepare.min_rating must be a number, not nan"),
        ("prepare", "min_rating", float("inf"), "prepare.min_rating must be a number, not inf"),
        ("train_recommender", "refit", "yes", "train_recommender.refit must be true or false, not 'yes'"),
        ("llm", "chat_template_kwargs", {"x": [1]}, "llm.chat_template_kwargs.x must be true or false or a whole"),
        ("align", "weights", {1: 1}, "align.weights: 1 must be text"),
        ("promote", "gates", {"explainer-both": [{"metric": "m", "at_least": None, "at_most": None}]},
         r"promote.gates.explainer-both\[0\].at_least must be a number where at_most is null"),
        ("promote", "gates", {"explainer-both": [{"metric": "m", "at_least": "x", "at_most": None}]},
         r"promote.gates.explainer-both\[0\].at_least must be a number or null, not 'x'"),
        ("promote", "gates", {"explainer-boht": []}, "promote.gates: 'explainer-boht' must be one of recommender-sasr"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_named(refused: Callable[..., None], section: str, key: str, value: Any, message: str) -> None:
    refused(section, key, value, message)


def test_the_parameters_of_a_chat_template_keep_the_types_that_yaml_gives_them() -> None:
    whole = "llm.chat_template_kwargs={thinking: false, level: 2, share: 0.5, mood: calm, none: null, text: '2'}"
    single = ["llm.chat_template_kwargs.thinking=true", "llm.chat_template_kwargs.mood=calm"]
    kwargs = load_settings(PARAMS, [whole]).llm.chat_template_kwargs
    assert kwargs == {"thinking": False, "level": 2, "share": 0.5, "mood": "calm", "none": None, "text": "2"}
    assert [type(value) for value in kwargs.values()] == [bool, int, float, str, type(None), str]
    assert load_settings(PARAMS, single).llm.chat_template_kwargs == {"thinking": True, "mood": "calm"}
    for name in ("messages", "add_generation_prompt", "two words"):
        with pytest.raises(InputError, match=f"llm.chat_template_kwargs: '{name}' must be a parameter"):
            load_settings(PARAMS, [f"llm.chat_template_kwargs={{{name}: 1}}"])


def test_overrides_take_the_type_of_their_field() -> None:
    overrides = ["run.seed=3", "prepare.min_rating=4", "prepare.max_items=50",
                 "train_recommender.sasrec.dropout=1e-1", "llm.base=123",
                 "faithfulness.top_ks=[2, 4]", "dataset.dialogues_file=null", "align.epochs.both=1"]  # fmt: skip
    settings = load_settings(PARAMS, overrides)
    assert settings.run.seed == 3
    assert settings.prepare.min_rating == 4.0 and isinstance(settings.prepare.min_rating, float)
    assert settings.prepare.max_items == 50
    assert settings.train_recommender.sasrec.dropout == 0.1
    assert settings.llm.base == "123"
    assert settings.faithfulness.top_ks == [2, 4]
    assert settings.dataset.dialogues_file is None
    assert settings.align.epochs == load_settings(PARAMS).align.epochs | {"both": 1.0}


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


def test_flatten_goes_back_to_the_file() -> None:
    flat = flatten(load_settings(PARAMS).prepare, "prepare")
    assert flat["prepare.split.train"] == yaml.safe_load(PARAMS.read_text())["prepare"]["split"]["train"]


def test_a_section_is_checked_wherever_it_is_built() -> None:
    explain = load_settings(PARAMS).explain
    with pytest.raises(ValueError, match="n_cases"):
        dataclasses.replace(explain, n_cases=0)
    assert dataclasses.replace(explain, n_cases=1).n_cases == 1
