"""Where an interrupted training resumes from."""

from __future__ import annotations

import contextlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import Trainer

from recexplainer.core.errors import InputError

_PARTS = ("optimizer.pt", "scheduler.pt", "trainer_state.json")  # Trainer would start without the first two, silently
_DAMAGED = (OSError, EOFError, ValueError, KeyError, RuntimeError, pickle.UnpicklingError, SafetensorError)


def newest_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end, the trainer's state, and not deleted in part since."""
    complete = [path for path in folder.glob("checkpoint-*") if _is_whole(path)]
    return str(max(complete, key=lambda path: int(path.name.split("-")[1]))) if complete else None


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / _PARTS[-1]).read_bytes())
    except (OSError, ValueError):
        return False
    return all((checkpoint / name).exists() for name in _PARTS) and any(checkpoint.glob("*.safetensors"))


class ResumingTrainer(Trainer):
    """transformers' trainer, which ends with one line where a checkpoint is damaged."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, *given: Any, **named: Any) -> None:
        with naming(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, *given, **named)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with naming(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with naming(checkpoint):
            super()._load_rng_state(checkpoint)


@contextlib.contextmanager
def naming(checkpoint: str | None) -> Iterator[None]:
    """Name the checkpoint that cannot be read, and say what to do."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise  # of a whole checkpoint
    except _DAMAGED as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{checkpoint}: {said}; delete it to train from the checkpoint before it") from error
