import json
import subprocess
from pathlib import Path

import pytest

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings
from recexplainer.report.inputs import read_commit, read_inputs
from tests.records import make_explanation

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_empty_project_gives_empty_inputs(folder):
    inputs = read_inputs(load_settings(PARAMS))
    assert inputs.sources == ["behaviour", "intention", "both", "none", "template"]
    assert inputs.recommender is None and inputs.catalogue is None
    assert inputs.alignment == {} and inputs.explanations == {}
    assert inputs.commit is None


def test_what_is_there_is_read_for_the_chosen_sources_only(folder):
    for source in ("both", "behaviour"):
        store.write_json(store.judge_metrics(source), {"mean": 1.0})
    inputs = read_inputs(load_settings(PARAMS, ["explain.sources=[both, none]"]))
    assert inputs.judge == {"both": {"mean": 1.0}}


def test_alignment_is_that_of_the_measured_sources(folder):
    """Not of those that explain, whose files may be of an earlier run."""
    for source in ("both", "none"):
        store.write_json(store.alignment_metrics(source), {"item_ranking": {}})
    inputs = read_inputs(load_settings(PARAMS, ["evaluate_alignment.sources=[none]", "explain.sources=[both]"]))
    assert list(inputs.alignment) == inputs.measured == ["none"] and inputs.sources == ["both"]


def test_a_broken_file_is_one_clear_line(folder):
    path = store.faithfulness_metrics("both")
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(InputError, match="metrics/faithfulness_both.json: line 1"):
        read_inputs(load_settings(PARAMS))


def test_an_explanation_without_a_text_is_one_clear_line(folder):
    record = store.to_row(make_explanation())
    del record["text"]
    path = store.explanations("both")
    path.parent.mkdir()
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match="explanations_both.jsonl: line 1: has no 'text'"):
        read_inputs(load_settings(PARAMS))


def test_credentials_do_not_reach_the_page(folder):
    settings = load_settings(PARAMS, ["judge.base_url=https://me:secret@host/v1"])
    assert read_inputs(settings).params["judge.base_url"] == "https://***@host/v1"


def test_commit_says_when_the_code_differs_from_it(folder):
    assert read_commit(folder) is None
    git = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run([*git, "init", "-q"], check=True)
    assert read_commit(folder) is None
    (folder / "params.yaml").write_text("a: 1\n")
    subprocess.run([*git, "add", "params.yaml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    commit = read_commit(folder)
    assert commit is not None and len(commit) == 12
    (folder / "params.yaml").write_text("a: 2\n")
    assert read_commit(folder) == f"{commit}, with uncommitted changes"
