"""Every shipped preset fits the settings; a preset changes what it names and keeps the rest."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from recexplainer import cli
from recexplainer.alignment.sizing import Sizes, as_parameters
from recexplainer.core.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("params.yaml", "params", "bin"):
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    return tmp_path


def apply(project: Path, *arguments: str) -> int:
    with contextlib.chdir(project):
        return cli.run(["preset", *arguments])


@pytest.mark.parametrize("preset", sorted(path.stem for path in (ROOT / "params").glob("*.yaml")))
def test_a_preset_fits(project: Path, preset: str) -> None:
    assert apply(project, preset, "/somewhere") == 0
    settings = load_settings(project / "params.yaml")
    assert settings.dataset.raw == "/somewhere"
    assert settings.dataset.name != "demo"
    assert settings.judge == load_settings(ROOT / "params.yaml").judge
    assert "# " in (project / "params.yaml").read_text()


def test_what_is_unset_still_says_so(project: Path) -> None:
    assert apply(project, "ml_latest_small") == 0
    assert "  interactions_file: null " in (project / "params.yaml").read_text()


def test_the_papers_llm_is_spoken_to_in_its_own_template(project: Path) -> None:
    assert apply(project, "paper_games", "/somewhere") == 0
    llm = load_settings(project / "params.yaml").llm
    assert "vicuna" in llm.base and llm.chat_template == "params/chat_templates/vicuna.jinja"
    assert (project / llm.chat_template).is_file()


def test_the_guide_to_other_llms_sets_what_the_papers_preset_sets() -> None:
    guide = (ROOT / "docs/how-to/own-llm.md").read_text()
    [block] = re.findall(r"as the preset `params/paper_games.yaml` does:\n\n```yaml\n(.*?)```", guide, re.DOTALL)
    shown, preset = (yaml.safe_load(text) for text in (block, (ROOT / "params/paper_games.yaml").read_text()))
    assert shown["align"] == {name: preset["align"][name] for name in shown["align"]}


def test_both_presets_of_the_papers_sample_have_its_data_and_its_recommender(project: Path) -> None:
    chosen = []
    for preset in ("paper_games", "paper_games_small_llm"):
        shutil.copy(ROOT / "params.yaml", project / "params.yaml")
        assert apply(project, preset, "/somewhere") == 0
        settings = load_settings(project / "params.yaml")
        asked = settings.build_alignment.max_history, settings.build_alignment.eval_positions_per_user
        chosen.append((settings.prepare, settings.recommender, settings.train_recommender, asked))
    assert chosen[0] == chosen[1]


def test_the_small_llm_aligns_as_init_would_have_it(project: Path) -> None:
    """The figures of the preset are said to be of the same settings as a user's own table gets."""
    preset = yaml.safe_load((ROOT / "params/paper_games_small_llm.yaml").read_text())
    sizes = as_parameters(
        Sizes(None, None, steps=1, epochs=1), n_items=2000, slot_top=preset["align"]["warm_start_top"]
    )
    own, chosen = sizes["align"], preset["align"]
    assert {name: chosen[name] for name in own if name != "epochs"} == {
        name: value for name, value in own.items() if name != "epochs"
    }
    assert preset["evaluate_alignment"]["max_title_tokens"] == sizes["evaluate_alignment"]["max_title_tokens"]


def test_figures_of_the_reference_run_go_and_those_of_ones_own_stay(project: Path) -> None:
    (project / "metrics").mkdir()
    for name in ("reference", "changed"):
        (project / f"metrics/{name}.json").write_text("{}")
    for command in (["init", "-q"], ["add", "-A"], [*IDENTITY, "commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    for name in ("changed", "new"):
        (project / f"metrics/{name}.json").write_text('{"hr": 1}')
    assert apply(project, "ml_latest_small") == 0
    assert sorted(path.stem for path in (project / "metrics").iterdir()) == ["changed", "new"]


def test_without_a_commit_no_figure_goes(project: Path) -> None:
    (project / "metrics").mkdir()
    (project / "metrics/own.json").write_text("{}")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    (project / "metrics/own.json").write_text('{"hr": 1}')
    assert apply(project, "ml_latest_small") == 0
    assert (project / "metrics/own.json").read_text() == '{"hr": 1}'


def test_a_value_that_does_not_fit_is_told_of_the_file_that_holds_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (project / "params.yaml").read_text()
    assert "  threads: " in whole
    (project / "params.yaml").write_text(whole.replace("  threads: ", "  threads: x", 1))
    assert apply(project, "ml_latest_small") == 2
    assert capsys.readouterr().err.startswith("error: params.yaml: run.threads must be")


def test_without_a_name_the_presets_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project / "params.yaml").read_text()
    for arguments in ([], ["", ""]):  # as typed, and as make calls it
        assert apply(project, *arguments) == 0
        assert capsys.readouterr().out.split() == sorted(path.stem for path in (ROOT / "params").glob("*.yaml"))
    assert (project / "params.yaml").read_text() == before
    assert apply(project, "", "/somewhere") == 2
    assert "error: NAME must be one of" in capsys.readouterr().err
    assert apply(project / "bin") == 2
    assert capsys.readouterr().err == "error: params: holds no presets; run this in the project's root\n"


def test_an_unknown_preset_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project / "params.yaml").read_text()
    assert apply(project, "nonsense") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: NAME must be one of")
    assert (project / "params.yaml").read_text() == before
