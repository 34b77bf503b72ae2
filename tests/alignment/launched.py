"""What tests run in processes of their own: a lesson of the tiny world, and an evaluation.

python launched.py train BASE FOLDER [SECTION.KEY=VALUE …] writes weights.safetensors, losses.json, valid.json,
held.json and explainer/ into FOLDER.
python launched.py evaluate BASE FOLDER [SECTION.KEY=VALUE …] writes FOLDER/evaluation.json.
python launched.py train,evaluate … does both.

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
from recexplainer.alignment.evaluation import Evaluation, evaluate
from recexplainer.alignment.trainer import AlignmentTrainer
from recexplainer.core.environment import is_main_process, join_processes
from recexplainer.llm.explainer import Explainer
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


def train(base: Path, folder: Path, *assignments: str) -> None:
    """Write the trained weights and the loss of every step."""
    if "KILL_AT" in os.environ:
        kill_at(int(os.environ["KILL_AT"]))
    made = lesson(base, "both", None, *assignments)
    made.train(folder)
    if is_main_process():
        save_file(made.trained, folder / "weights.safetensors")
        made.explainer.save(folder / "explainer")
        losses = [values["loss"] for values, _ in made.logs if "loss" in values]
        (folder / "losses.json").write_text(json.dumps(losses))
        (folder / "valid.json").write_text(json.dumps(made.valid))
        (folder / "held.json").write_text(json.dumps(n_held(made.explainer)))
    else:
        assert not made.logs  # one process tracks for all


def n_held(explainer: Explainer) -> list[int]:
    """How many of the LLM's own weights there are, and how many of them lie in this process."""
    frozen = [parameter for parameter in explainer.llm.parameters() if not parameter.requires_grad]
    return [sum(p.numel() for p in frozen), sum(getattr(p, "_local_tensor", p).numel() for p in frozen)]


def ask(base: Path, folder: Path, *assignments: str) -> None:
    """Write metrics and answers."""
    made = evaluation(base, *assignments)
    if is_main_process():
        (folder / "evaluation.json").write_text(json.dumps([made.metrics, made.answers]))


def evaluation(base: Path, *assignments: str) -> Evaluation:
    """The tiny world's test questions, put to an explainer of mode both."""
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    examples, vectors = build_examples(*given, tiny.settings().build_alignment, seed=1)
    examples = [example for example in examples if example.split == "test"]
    settings = tiny.settings("evaluate_alignment.batch_size=3", *assignments).evaluate_alignment
    return evaluate(tiny.explainer(base, "both", None, vectors), tiny.writer(), examples, settings, 0, vectors)


if __name__ == "__main__":
    join_processes()
    for command in sys.argv[1].split(","):
        {"train": train, "evaluate": ask}[command](Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
