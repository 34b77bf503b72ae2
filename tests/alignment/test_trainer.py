"""Training that is killed or shared by processes; `test_training.py` has what one process does undisturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from recexplainer.alignment.trainer import AlignmentTrainer, training_arguments
from recexplainer.core.errors import InputError
from recexplainer.llm.explainer import load_explainer
from recexplainer.llm.packing import share_prefixes
from tests import tiny
from tests.alignment.launched import evaluation
from tests.alignment.test_training import equal, lesson
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

SCRIPT = str(REPOSITORY / "tests" / "alignment" / "launched.py")


def two(config: str) -> tuple[str, ...]:
    """A launch of two processes."""
    file = REPOSITORY / "params" / "accelerate" / f"{config}.yaml"
    return "-m", "accelerate.commands.launch", f"--config_file={file}", "--main_process_port=0", "--num_processes=2"


def launch(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *words], env=os.environ | given, capture_output=True, text=True)


def test_what_was_killed_in_the_middle_of_a_checkpoint_goes_on_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    """Dropout is on: the generators go on where they were, too."""
    dropout = "align.lora.dropout=0.3"
    killed = launch(SCRIPT, "train", str(base), str(tmp_path / "cut"), dropout, KILL_AT="4")
    assert killed.returncode == -9, killed.stderr
    [last] = tmp_path.glob("cut/*/checkpoint-4")
    assert not (last / "trainer_state.json").exists()
    rest, whole, dry = lesson(base, "both", None, dropout), lesson(base, "both", None, dropout), lesson(base)
    rest.train(tmp_path / "cut")
    whole.train(tmp_path / "whole")
    dry.train(tmp_path / "dry")
    assert min(step for values, step in rest.logs if "loss" in values) == 3  # it went on from the second step
    assert equal(rest.trained, whole.trained)
    assert not equal(rest.trained, dry.trained)


@pytest.mark.parametrize("config", ["ddp", "fsdp"])
def test_two_processes_are_as_good_as_one(base: Path, tmp_path: Path, config: str) -> None:
    """Two rows a step, in one process or one row in each of two; and the same answers to the same questions, of valid
    users meanwhile too. With FSDP each of them holds half of the LLM's layers.
    """
    watched = ("align.rows_per_step=2", "align.eval_steps=3")
    options = (str(base), str(tmp_path), *watched)
    done = launch(*two(config), SCRIPT, "train,evaluate", *options)
    assert done.returncode == 0, done.stderr
    n_weights, n_held = json.loads((tmp_path / "held.json").read_text())
    assert n_held == n_weights if config == "ddp" else n_held < 0.7 * n_weights  # the head stays gathered
    alone = lesson(base, "both", None, *watched)
    alone.train(tmp_path / "alone")
    losses = [values["loss"] for values, _ in alone.logs if "loss" in values]
    assert json.loads((tmp_path / "losses.json").read_text()) == pytest.approx(losses, rel=1e-5)
    written = dict(load_explainer(tmp_path / "explainer").named_parameters())
    for name, weight in load_file(tmp_path / "weights.safetensors").items():
        assert torch.allclose(weight, alone.trained[name], atol=1e-5), name
        assert torch.equal(weight, written[name]), name
    valid = {int(step): figures for step, figures in json.loads((tmp_path / "valid.json").read_text()).items()}
    assert valid.keys() == alone.valid.keys() and len(valid) > 2
    for step, figures in valid.items():
        assert figures["loss"] == pytest.approx(alone.valid[step]["loss"], rel=1e-4)
        assert figures["interest_classification"] == alone.valid[step]["interest_classification"]
    asked = evaluation(base)
    assert json.loads((tmp_path / "evaluation.json").read_text()) == json.loads(
        json.dumps([asked.metrics, asked.answers])
    )


def test_a_sharded_training_that_was_killed_goes_on_in_one_process_and_the_other_way_round(
    base: Path, tmp_path: Path
) -> None:
    options = ("align.rows_per_step=2",)
    whole = lesson(base, "both", None, *options)
    whole.train(tmp_path / "whole")

    def kill(folder: str, *launcher: str) -> None:
        killed = launch(*launcher, SCRIPT, "train", str(base), str(tmp_path / folder), *options, KILL_AT="4")
        assert killed.returncode != 0 and not list(tmp_path.glob(f"{folder}/*/checkpoint-4/trainer_state.json"))
        assert list(tmp_path.glob(f"{folder}/*/checkpoint-2/trainer_state.json")), killed.stderr

    kill("sharded", *two("fsdp"))
    rest = lesson(base, "both", None, *options)
    rest.train(tmp_path / "sharded")
    assert min(step for values, step in rest.logs if "loss" in values) == 3
    kill("alone")
    done = launch(*two("fsdp"), SCRIPT, "train", str(base), str(tmp_path / "alone"), *options)
    assert done.returncode == 0, done.stderr
    losses = [values["loss"] for values, _ in whole.logs if "loss" in values]
    assert json.loads((tmp_path / "alone" / "losses.json").read_text()) == pytest.approx(losses[2:], rel=1e-5)
    resumed = load_file(tmp_path / "alone" / "weights.safetensors")
    for name, weight in whole.trained.items():
        assert torch.allclose(weight, rest.trained[name], atol=1e-5), name
        assert torch.allclose(weight, resumed[name], atol=1e-5), name


def test_rows_that_cannot_be_shared_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    align = tiny.settings("align.rows_per_step=3").align
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="3 rows cannot be divided among 2 processes; give a multiple"):
        training_arguments(align, 1, 1, tmp_path)


def test_a_step_that_the_rows_do_not_fill_is_filled_with_empty_ones(base: Path, tmp_path: Path) -> None:
    made = lesson(base)
    tree = share_prefixes(made.encoded, made.align.row_tokens)[0]
    align = tiny.settings("align.rows_per_step=4").align
    trainer = AlignmentTrainer(
        made.explainer, training_arguments(align, 1, 1, tmp_path), [[tree]] * 5, align, made.vectors
    )
    with torch.no_grad():
        losses = [float(trainer.compute_loss(made.explainer, batch)) for batch in trainer.get_train_dataloader()]
    assert len(losses) == 8 and sum(loss == 0 for loss in losses) == 3


def test_a_checkpoint_whose_state_was_cut_off_is_passed_over(base: Path, tmp_path: Path) -> None:
    made = lesson(base)
    made.train(tmp_path)
    [state] = tmp_path.glob("*/checkpoint-*/trainer_state.json")
    state.write_text(state.read_text()[:50])
    again = lesson(base)
    again.train(tmp_path)
    assert min(step for values, step in again.logs if "loss" in values) == 1
    assert equal(again.trained, made.trained)


def test_checkpointing_gradients_changes_no_weight(base: Path, tmp_path: Path) -> None:
    kept, computed_again = lesson(base), lesson(base, "both", None, "align.gradient_checkpointing=true")
    for number, made in enumerate((kept, computed_again)):
        made.train(tmp_path / str(number))
    assert computed_again.explainer.llm.is_gradient_checkpointing
    for name, weight in kept.trained.items():
        assert torch.allclose(weight, computed_again.trained[name], atol=1e-6), name


def test_the_speed_is_logged_with_the_curves(base: Path, tmp_path: Path) -> None:
    made = lesson(base)
    report = made.train(tmp_path)
    speeds = {"examples_per_second", "tokens_per_second", "packed_tokens_per_second"}
    assert all(speeds <= set(values) for values, _ in made.logs if "loss" in values)
    assert report["tokens_per_second"] / report["examples_per_second"] == pytest.approx(
        report["n_tokens"] / report["n_examples"], rel=0.05
    )
