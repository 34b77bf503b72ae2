"""Training: the explainer learns to answer as the recommender does."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from recexplainer.alignment.callbacks import Speed, Validation
from recexplainer.alignment.checkpoints import newest_checkpoint
from recexplainer.alignment.rows import Rows
from recexplainer.alignment.trainer import AlignmentTrainer, training_arguments
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Align
from recexplainer.data.examples import Example
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.chat import Encoded
from recexplainer.prompting.prompts import FORMS, Form, PromptTooLongError, PromptWriter
from recexplainer.tasks.known import TASKS
from recexplainer.tasks.rendering import fit_answers

_ITEMS_PER_TREE = 8
_RENDERED = 100_000  # from so many examples on, what a part of an epoch leaves out is not rendered


def rendered_share(align: Align, mode: str, n_examples: int) -> float:
    """The share of an epoch that is rendered: all of it, or of many examples about those that are trained on."""
    return min(1.0, max(align.epochs[mode], _RENDERED / max(1, n_examples)))


def training_examples(
    explainer: Explainer,
    writer: PromptWriter,
    examples: Sequence[Example],
    align: Align,
    rng: np.random.Generator,
    share: float = 1.0,
) -> Iterator[Encoded]:
    """Render and encode the training examples of a mode, in the shares and weights that the settings ask for.

    `align.mixture` says how often an example of a task is seen in one epoch; a fraction is a chance. All is drawn
    before the first example; the examples of a group follow each other.

    Args:
        explainer: Who learns.
        writer: Writes prompts.
        examples: Of training users.
        align: The settings.
        rng: Draws.
        share: Of an epoch; it is drawn by groups.

    Raises:
        InputError: If prompts do not fit a row even without history.
    """
    too_long: list[PromptTooLongError] = []
    n_encoded, max_tokens = 0, explainer.prompt_budget(align.row_tokens)
    for number, form, group in _drawn(explainer.mode, examples, align, rng, share):
        example = examples[number]
        weight = _value_of(align.weights, example)
        try:
            if example.turns:
                dialogues = explainer.encoder.dialogues([(q, a) for q, a in example.turns], weight)
                found = [dialogue for dialogue in dialogues if len(dialogue) <= max_tokens]
            else:
                found = fit_answers(explainer.encoder, writer, example, form, max_tokens, group=group, weight=weight)
        except PromptTooLongError as error:
            too_long.append(error)
            continue
        n_encoded += len(found)
        yield from found
    if too_long:
        raise InputError(_longest(too_long, n_encoded, max_tokens, align.row_tokens))


def _drawn(
    mode: str, examples: Sequence[Example], align: Align, rng: np.random.Generator, share: float
) -> Iterator[tuple[int, Form, int]]:
    """The number, form and group of each example that is seen, by groups; first those without one (-1)."""
    numbers, forms, groups = array("i"), array("b"), array("i")
    known: dict[tuple, int | None] = {}
    shown: dict[tuple, int] = {}
    for number, example in enumerate(examples):
        wanted = _value_of(align.mixture, example)
        for form, form_share in TASKS[example.task].form_shares(example, mode, align.both_forms).items():
            user = (example.user_id, example.position, form, form_share)
            if user not in shown:  # a form is drawn for all questions about a user at once
                shown[user] = _draw(form_share, rng)
            for time in range(shown[user] * _draw(wanted, rng)):
                key = (number, time) if example.turns else _shares_with(example, form, time)
                if key not in known:
                    is_seen = share >= 1 or rng.random() < share
                    known[key] = (-1 if example.turns else len(known)) if is_seen else None
                group = known[key]
                if group is not None:
                    numbers.append(number)
                    forms.append(FORMS.index(form))
                    groups.append(group)
    for place in np.argsort(np.array(groups), kind="stable"):
        yield numbers[place], FORMS[forms[place]], groups[place]


def train(
    explainer: Explainer,
    rows: Rows,
    user_vectors: Tensor,
    align: Align,
    seed: int,
    checkpoints: Path,
    on_log: Callable[[dict[str, Any], int], None],
    measure: Callable[[], dict[str, Any]] | None = None,
) -> dict[str, float]:
    """Train adapter and connectors in place; resumes from the newest complete checkpoint in `checkpoints`.

    Checkpoints of other examples, settings or base models are left alone: they have folders of their own.
    Where several processes train together, each takes its share of the rows of a step, and all end with the same
    weights.

    Args:
        explainer: Who learns.
        rows: Of `packed_rows`.
        user_vectors: (n, dim) what the user slots of the examples point into.
        align: The settings.
        seed: Of the order of the rows, and of dropout.
        checkpoints: The folder of all checkpoints.
        on_log: Takes the curves, with the number of the step; of the main process alone.
        measure: Of `validation`, called every `align.eval_steps` steps; changes no weight.

    Returns:
        What was trained: examples, tokens with and without shared prefixes, rows, seconds, tokens per second.

    Raises:
        InputError: If `align.rows_per_step` cannot be shared by the processes.
    """
    checkpoints /= _fingerprint(explainer, rows, user_vectors, align, seed)
    arguments = training_arguments(align, align.epochs[explainer.mode] / rows.share, seed, checkpoints)
    trainer = AlignmentTrainer(explainer, arguments, rows, align, user_vectors)
    n_packed = rows.trees.n_tokens
    of_a_row = {"examples": rows.n_examples, "tokens": rows.n_tokens, "packed_tokens": n_packed}
    speed = Speed(on_log, {name: n * align.rows_per_step / len(rows) for name, n in of_a_row.items()})
    trainer.add_callback(speed)
    if measure is not None and align.eval_steps:
        trainer.add_callback(Validation(measure, align.eval_steps, on_log, speed))
    outcome = trainer.train(resume_from_checkpoint=newest_checkpoint(checkpoints))
    trainer.accelerator.wait_for_everyone()  # before the checkpoints go, all have written theirs
    explainer.eval()
    return {
        "n_examples": rows.n_examples,
        "n_tokens": rows.n_tokens,
        "n_packed_tokens": n_packed,
        "n_rows": len(rows),
        "row_fill": round(n_packed / (len(rows) * align.row_tokens), 4),
        "train_seconds": round(speed.seconds, 1),
        **({"train_loss": round(outcome.training_loss, 4), **speed.of_all_steps()} if speed.n_steps else {}),
    }


def _longest(too_long: Sequence[PromptTooLongError], n_others: int, max_tokens: int, row_tokens: int) -> str:
    worst = max(too_long, key=lambda error: error.n_tokens)
    found = (
        f"{len(too_long)} of {len(too_long) + n_others} prompts do not fit {max_tokens} tokens even without history; "
        f"the longest, of task {worst.task}, needs {worst.n_tokens}"
    )
    if max_tokens < row_tokens:
        return f"llm.base: {found}: this is the model's context length; choose a model with a longer one"
    return f"align.row_tokens: {found}: set align.row_tokens to at least {worst.n_tokens}"


def _fingerprint(explainer: Explainer, rows: Rows, user_vectors: Tensor, align: Align, seed: int) -> str:
    """What must match before training resumes from a checkpoint."""
    learning = replace(align, eval_steps=0, eval_users=1)  # validation only watches
    digest = hashlib.sha256(repr((explainer.mode, explainer.reference, learning, seed)).encode())
    for tree in (tree for row in rows for tree in row):
        for column in (tree.input_ids, tree.targets, tree.user_slots, tree.item_slots, tree.weights):
            digest.update(column.tobytes())
    for table in (user_vectors, explainer.item_vectors):
        digest.update(b"" if table is None else table.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _shares_with(example: Example, form: Form, time: int) -> tuple:
    """What the examples of one tree have in common: the user, or the question about an item.

    An example that is seen several times in an epoch is seen in several rows, each of which is a step. Few items share
    a tree, so that every row holds a mixture of tasks.
    """
    if example.user_id:
        return (time, form, example.user_id, example.position)
    return (time, form, example.task, example.aspect, *(item // _ITEMS_PER_TREE for item in example.items[:1]))


def _draw(share: float, rng: np.random.Generator) -> int:
    """How often something of a share is taken: a fraction is a chance."""
    return int(share) + int(rng.random() < share % 1)


def _value_of(values: Mapping[str, float], example: Example) -> float:
    """What a parameter says of an example's aspect, or of its task; 1 where it says nothing."""
    return values.get(f"{example.task}/{example.aspect}", values.get(example.task, 1.0))
