from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings, parse_settings, read_params
from tests.conftest import REPOSITORY

PARAMS = REPOSITORY / "params.yaml"


def test_the_shipped_parameters_are_valid() -> None:
    assert load_settings(PARAMS).run.seed == read_params(PARAMS)["run"]["seed"]


def test_a_source_that_is_not_aligned_is_refused(values: dict[str, Any]) -> None:
    values["align"]["modes"] = ["both"]
    with pytest.raises(InputError, match="explain.sources names 'behaviour', which align.modes"):
        parse_settings(values)


@pytest.mark.parametrize("words", [" ", "a\nb"])
def test_a_focus_is_words_on_one_line(values: dict[str, Any], words: str) -> None:
    values["explain"]["focus"] = words
    with pytest.raises(InputError, match="explain.focus must be words on one line"):
        parse_settings(values)


def test_own_evidence_of_explainers_that_are_not_taught_it_is_refused(values: dict[str, Any]) -> None:
    values["explain"]["evidence"] = "own"
    with pytest.raises(InputError, match="explain.evidence is own, but align.mixture.evidence is 0"):
        parse_settings(values)
    values["align"]["mixture"]["evidence"] = 2
    values["build_alignment"]["evidence_per_history"] = 4
    assert parse_settings(values).explain.evidence == "own"


def test_evidence_that_is_to_be_learnt_is_asked_for(values: dict[str, Any]) -> None:
    values["align"]["mixture"]["evidence"] = 2
    with pytest.raises(InputError, match="build_alignment.evidence_per_history is: there is no such example"):
        parse_settings(values)


@pytest.mark.parametrize(
    ("content", "message"),
    [("run: [", "is not valid YAML"), ("- a\n", "must contain a mapping"), ("", "must contain a mapping")],
)
def test_a_malformed_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        load_settings(tmp_path / "p.yaml")
    with pytest.raises(InputError, match="no such file"):
        load_settings(tmp_path / "q.yaml")
