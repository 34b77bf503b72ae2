"""What a test runs in processes of their own: a lesson or an evaluation of the tiny world.

python launched.py train BASE FOLDER RESULT [SECTION.KEY=VALUE …]
python launched.py evaluate BASE FOLDER RESULT [SECTION.KEY=VALUE …]

With KILL_AT=<step> in the environment the process kills itself while it writes the checkpoint of that step.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from safetensors.torch import save_file

from recexplainer.alignment.building import build_examples
from recexplainer.alignment.evaluation import evaluate
from recexplainer.alignment.trainer import AlignmentTrainer
from recexplainer.environment import is_main_process
from tests import tiny
from tests.alignment.test_training import lesson


def kill_at(step: int) -> None:
    """Die by SIGKILL once the weights of that step are written, and nothing else of its checkpoint is."""
    save = AlignmentTrainer._save

    def killed(self: AlignmentTrainer, *given: object, **named: object) -> None:
        save(self, *given, **named)  # type: ignore[arg-type]
        if self.state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    AlignmentTrainer._save = killed  # type: ignore[method-assign]


def train(base: Path, folder: Path, result: Path, *assignments: str) -> None:
    """Write the trained weights, and the loss of every step as JSON beside them."""
    if "KILL_AT" in os.environ:
        kill_at(int(os.environ["KILL_AT"]))
    made = lesson(base, "both", None, *assignments)
    made.train(folder)
    if is_main_process():
        save_file(made.trained, result)
        losses = [values["loss"] for values, _ in made.logs if "loss" in values]
        result.with_suffix(".json").write_text(json.dumps(losses))


def evaluated(base: Path, folder: Path, result: Path, *assignments: str) -> None:
    """Write metrics and answers as JSON."""
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    examples, vectors = build_examples(*given, tiny.settings().build_alignment, seed=1)
    examples = [example for example in examples if example.split == "test"]
    settings = tiny.settings("evaluate_alignment.batch_size=3", *assignments).evaluate_alignment
    made = evaluate(tiny.explainer(base, "both", None, vectors), tiny.writer(), examples, settings)
    if is_main_process():
        result.write_text(json.dumps([made.metrics, made.answers]))


if __name__ == "__main__":
    command, *places = sys.argv[1:5]
    {"train": train, "evaluate": evaluated}[command](*map(Path, places), *sys.argv[5:])
