"""The register of the tasks, and what a new one needs: one module, and nothing elsewhere."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

from recexplainer import stages
from recexplainer.alignment import chat_files
from recexplainer.alignment.building import build_examples
from recexplainer.alignment.evaluation import evaluate
from recexplainer.alignment.training import training_examples
from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from recexplainer.llm import decoding
from recexplainer.prompting.chat import Slot
from recexplainer.prompting.prompts import Form, PromptWriter, readable
from recexplainer.stages import main as pipeline
from recexplainer.tasks import ASPECTS, NAMES, check_tasks, task
from recexplainer.tasks.known import TASKS
from recexplainer.tasks.rendering import render
from recexplainer.tasks.task import Examiner, Measured, Task, Teacher
from tests import tiny
from tests.conftest import REPOSITORY

NAME = "newest_item"
MEASURED = f"evaluate_alignment.tasks=[{NAME}]"


class NewestItem(ModuleType):
    """A made-up task: which item stands last in the history?"""

    NAME = NAME
    ABOUT_USERS = True

    def make_examples(self, teacher: Teacher) -> list[Example]:
        batch = teacher.batch
        return [batch.example(row, NAME, [history[-1]]) for row, history in enumerate(batch.histories)]

    def form_shares(self, example: Example, mode: str, both_forms: Mapping[str, float]) -> dict[Form, float]:
        return task.form_shares(mode, both_forms, ("behaviour", "both"))

    def question(self, writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
        return [*writer.user(form, example.history, example.vector_row), "Which item is the newest?"]

    def asked(self, examples: Sequence[Example]) -> list[Example]:
        return task.of_task(NAME, examples)

    def evaluate(self, examiner: Examiner, examples: Sequence[Example]) -> Measured:
        texts = examiner.generate(examples, examiner.max_title_tokens)
        answers = [items[0] if items else None for items in examiner.listed(texts)]
        return Measured(examiner.scored(self.score, examples, answers), examples, answers, texts)

    def score(self, examples: list[Example], answers: list[int | None]) -> dict[str, float]:
        return {"accuracy": float(np.mean([[a] == e.answer for e, a in zip(examples, answers, strict=True)]))}


@pytest.fixture
def newest_item(monkeypatch: pytest.MonkeyPatch) -> Task:
    made = NewestItem(NAME)
    monkeypatch.setitem(TASKS, NAME, made)
    return made


def build() -> list[Example]:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    return list(build_examples(*given, tiny.settings().build_alignment, seed=1)[0])


def test_a_new_task_is_built_rendered_and_taught(base: Path, newest_item: Task) -> None:
    examples = task.of_task(NAME, build())
    assert {example.split for example in examples} == {"train", "valid", "test"}
    assert readable(render(tiny.writer(), examples[0], "intention")) == "User: <user>\nWhich item is the newest?"
    align = tiny.settings(
        f"align.mixture={{{NAME}: 2}}", "align.both_forms={behaviour: 1, intention: 1, both: 0}"
    ).align
    taught = [example for example in examples if example.split == "train"]
    explainer, rng = tiny.explainer(base, "both"), np.random.default_rng(0)
    assert len(list(training_examples(explainer, tiny.writer(), taught, align, rng))) == 2 * len(taught)
    rows = chat_files.task_rows(tiny.writer(), [("one", taught[0])], "both", align.both_forms)
    assert [(row["task"], row["form"]) for row in rows] == [(NAME, "behaviour")]


def test_a_new_task_is_asked_and_scored(base: Path, newest_item: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [example for example in build() if example.split == "test"]
    titles = [tiny.writer().titles(example.history[-1:]) for example in task.of_task(NAME, examples)]
    monkeypatch.setattr(decoding, "generate", lambda *_: ["No such title", *titles[1:]])
    settings = tiny.settings(MEASURED, "evaluate_alignment.n_draws=0").evaluate_alignment
    found = evaluate(tiny.explainer(base, "behaviour"), tiny.writer(), examples, settings)
    assert found.metrics == {NAME: {"accuracy": 0.75}, "n_examples": {NAME: 4}}
    assert [row["answer"] for row in found.answers] == [None, *(row["expected"][0] for row in found.answers[1:])]


def test_every_module_of_the_package_is_a_task_of_its_name() -> None:
    modules = {path.stem for path in (REPOSITORY / "src" / "recexplainer" / "tasks").glob("*.py")}
    assert set(TASKS) == set(NAMES) == modules - {"__init__", "known", "task", "rendering"}
    assert all(vars(found)["__name__"] == f"recexplainer.tasks.{name}" for name, found in TASKS.items())


# --- names in the parameters -------------------------------------------------------------------------------

WRONG = (
    ("align.mixture={ranking: 1}", "align.mixture: a task must be one of evidence, .*, not 'ranking'"),
    ("align.weights={ranking: 1}", "align.weights: a task must be one of evidence, .*, not 'ranking'"),
    ("evaluate_alignment.tasks=[ranking]", "evaluate_alignment.tasks: a task must be one of .*, not 'ranking'"),
    (
        "align.mixture={item_discrimination/titel: 1}",
        "align.mixture: 'item_discrimination/titel': aspects of .* title",
    ),
    ("align.weights={item_ranking/title: 1}", "align.weights: 'item_ranking/title': aspects of item_ranking are none"),
    ("evaluate_alignment.tasks=[item_discrimination/title]", "evaluate_alignment.tasks: a task must be one of"),
)


@pytest.mark.parametrize(("assignment", "message"), WRONG)
def test_an_unknown_task_is_named(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_tasks(tiny.settings(assignment))


def test_the_aspects_that_parameters_may_name_are_those_of_the_examples() -> None:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), tiny.mf())
    build = tiny.settings("build_alignment.evidence_per_history=4").build_alignment
    made = {(example.task, example.aspect) for example in build_examples(*given, build, seed=1)[0] if example.aspect}
    assert made and all(aspect in ASPECTS[name] for name, aspect in made)
    for name, aspect in made:
        check_tasks(tiny.settings(f"align.mixture={{{name}/{aspect}: 1}}"))


@pytest.mark.parametrize("stage", ["build_alignment", "align", "evaluate_alignment"])
def test_a_stage_refuses_an_unknown_task_before_it_opens_a_run(
    project: Path, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stages, "open_run", lambda *_, **__: pytest.fail("a run was opened"))
    given = {"build_alignment": [], "align": ["--mode", "both"], "evaluate_alignment": ["--source", "both"]}[stage]
    main = importlib.import_module(f"recexplainer.stages.{stage}").main
    assert main([*given, "-S", "align.mixture={ranking: 1}"]) == 2
    assert "align.mixture: a task must be one of" in capsys.readouterr().err


def test_the_pipeline_refuses_an_unknown_task_before_its_first_stage(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "open_run", lambda *_, **__: pytest.fail("a run was opened"))
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("tasks: [next_item_retrieval,", "tasks: [next_item,", 1))
    with pytest.raises(InputError, match="evaluate_alignment.tasks: a task must be one of .*, not 'next_item'"):
        pipeline.run_targets([])


@pytest.mark.parametrize("preset", sorted((REPOSITORY / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_presets_name_known_tasks(preset: Path) -> None:
    values = yaml.safe_load(preset.read_text())
    given = values.get("align", {}), values.get("evaluate_alignment", {})
    named = [*given[0].get("mixture", {}), *given[0].get("weights", {}), *given[1].get("tasks", [])]
    assert {name.split("/")[0] for name in named} <= set(TASKS)
