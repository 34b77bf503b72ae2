from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from recexplainer.alignment.checkpoints import naming, newest_checkpoint
from recexplainer.core.errors import InputError
from tests.alignment.test_training import equal, lesson


def write_checkpoint(folder: Path, step: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    for name in ("trainable.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json"):
        (checkpoint / name).write_text("{}")
    return checkpoint


@pytest.mark.parametrize("lost", ["trainable.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json"])
def test_a_checkpoint_that_lacks_a_file_is_passed_over(tmp_path: Path, lost: str) -> None:
    """As where a deletion was cut off: transformers would take up the weights and begin with a new optimiser."""
    assert newest_checkpoint(tmp_path) is None
    first, second = write_checkpoint(tmp_path, 9), write_checkpoint(tmp_path, 10)
    assert newest_checkpoint(tmp_path) == str(second)
    (second / lost).unlink()
    assert newest_checkpoint(tmp_path) == str(first)


def test_a_checkpoint_is_not_at_fault_where_memory_ends() -> None:
    """Whoever read that it is damaged would delete it."""
    with pytest.raises(torch.OutOfMemoryError), naming("checkpoint-9"):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(InputError, match="checkpoint-9: PytorchStreamReader failed; delete it"), naming("checkpoint-9"):
        raise RuntimeError("PytorchStreamReader failed")


@pytest.mark.slow
def test_a_finished_training_resumes_and_a_damaged_checkpoint_is_one_line(base: Path, tmp_path: Path) -> None:
    made = lesson(base)
    assert made.train(tmp_path)["train_loss"] > 0
    again = lesson(base)
    figures = again.train(tmp_path)
    assert equal(again.trained, made.trained) and not again.logs
    assert not {"train_loss", "tokens_per_second"} & figures.keys()  # of no step
    [checkpoint] = tmp_path.glob("*/checkpoint-*")
    state = checkpoint / "trainer_state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"global_step": 4}))  # a step is left
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainable.safetensors"):
        whole = (checkpoint / name).read_bytes()
        for damaged in (whole[: len(whole) // 2], b""):
            (checkpoint / name).write_bytes(damaged)
            with pytest.raises(InputError, match=rf"{checkpoint.name}: .*; delete it to train from the checkpoint"):
                lesson(base).train(tmp_path)
        (checkpoint / name).write_bytes(whole)
