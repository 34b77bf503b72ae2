"""Teaching an LLM by lessons in words and in slots: packed rows, the loss on them, and what was learnt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import IterableDataset, get_worker_info
from transformers import PrinterCallback, TrainerCallback, TrainingArguments

from recexplainer.alignment.adaptation.slots import Lesson, SlotLessons, SlotVectors
from recexplainer.alignment.checkpoints import ResumingTrainer, newest_checkpoint
from recexplainer.demo.dialogues import Turn
from recexplainer.demo.world import World
from recexplainer.prompting.chat import IGNORED, ChatEncoder

QUESTION_WEIGHT = 0.25
N_EVALUATED = 100  # lessons of each kind
Words = Callable[..., Iterator[list[Turn]]]  # (rng, n_drills=…)
OnLog = Callable[[dict[str, float], int], None]  # (curves, step)


def teach(
    model: Any,
    slots: SlotLessons,
    words: Words,
    params: dict[str, Any],
    checkpoints: Path,
    on_log: OnLog | None = None,
) -> None:
    """Train a model in place on lessons in words and in slots; resumes from the newest complete checkpoint.

    Args:
        model: The LLM.
        slots: Draws the lessons in slots.
        words: Draws the lessons in words.
        params: Steps, rates and sizes, as in `LessonRows` and `training_arguments`.
        checkpoints: The folder of this training's checkpoints.
        on_log: Takes the curves, with the number of the step.
    """
    rows = LessonRows(slots, words, params)
    trainer = LessonTrainer(
        model,
        training_arguments(params, checkpoints),
        train_dataset=rows,
        data_collator=partial(collate, row_tokens=params["row_tokens"]),
    )
    trainer.pop_callback(PrinterCallback)
    trainer.add_callback(Progress(on_log or (lambda curves, step: None)))
    trainer.slots = SlotVectors(
        slots.token_ids(), params["slot_noise"], params["slot_top"], slots.encoder.slots_per_user
    )
    trainer.train(resume_from_checkpoint=newest_checkpoint(checkpoints))


class Progress(TrainerCallback):
    """Says how far training is and how long it still takes, and hands the curves on.

    Args:
        report: Takes numbers and the step that they belong to.
    """

    def __init__(self, report: OnLog) -> None:
        self.report = report
        self.began = (0.0, 0)  # time, step

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock, at the step of a checkpoint where training resumes from one."""
        self.began = (time.perf_counter(), state.global_step)
        if state.global_step:
            print(f"resumes from step {state.global_step} of {state.max_steps}", flush=True)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Print a line, and pass loss and rate on."""
        if not logs or "loss" not in logs:
            return
        seconds, n_steps = time.perf_counter() - self.began[0], state.global_step - self.began[1]
        minutes = (state.max_steps - state.global_step) * seconds / max(n_steps, 1) / 60
        loss = float(logs["loss"])
        print(
            f"step {state.global_step} of {state.max_steps}: loss {loss:.2f}; about {minutes:.1f} minutes left",
            flush=True,
        )
        self.report({"loss": loss, "learning_rate": float(logs["learning_rate"])}, state.global_step)


class LessonRows(IterableDataset):
    """Packed rows of lessons in words and in slots, endless; the same seed and number of workers give the same rows.

    Args:
        slots: Draws the lessons in slots.
        words: Draws the lessons in words.
        params: row_tokens, the length of a row; n_drills, conversations over which the drills fade out; slot_share,
            the share of the lessons that have slots, once the drills have faded out; seed, one below the stream's.
    """

    def __init__(self, slots: SlotLessons, words: Words, params: dict[str, Any]) -> None:
        self.slots, self.words = slots, words
        self.row_tokens, self.n_drills = params["row_tokens"], params["n_drills"]
        self.slot_share, self.seed = params["slot_share"], params["seed"] + 1

    def __iter__(self) -> Iterator[list[Lesson]]:
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        n_drills = self.n_drills // (worker.num_workers if worker else 1)
        row: list[Lesson] = []
        room = self.row_tokens
        for number, turns in enumerate(self.words(rng, n_drills=n_drills)):
            share = self.slot_share * min(1.0, number / n_drills) if n_drills else self.slot_share
            lesson = self.slots.draw(rng) if rng.random() < share else Lesson(self.slots.encoder.dialogue(turns), 0)
            length = len(lesson.encoded)
            if length > self.row_tokens:
                continue
            if length > room:
                yield row
                row, room = [], self.row_tokens
            row.append(lesson)
            room -= length


class LessonTrainer(ResumingTrainer):
    """Next-token loss: whole on the answers, a part on the questions, whose repeats teach attention to look back."""

    slots: SlotVectors

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Weighted mean of the cross-entropy of all tokens that are followed by one of the same lesson."""
        table = model.get_input_embeddings()
        self.slots.refresh(table.weight)
        lessons = inputs["lessons"]
        same = (lessons[:, :, None] == lessons[:, None, :]).tril()
        output = model(
            inputs_embeds=self.slots.fill(table(inputs["input_ids"]), inputs),
            attention_mask=same[:, None],
            position_ids=inputs["position_ids"],
        )
        losses = cross_entropy(output.logits.float().flatten(0, 1), inputs["next_ids"].flatten(), reduction="none")
        weights = inputs["weights"].flatten()
        loss = (losses * weights).sum() / weights.sum()
        return (loss, output) if return_outputs else loss


def collate(rows: list[list[Lesson]], row_tokens: int) -> dict[str, torch.Tensor]:
    """Rows of lessons as a batch.

    Returns:
        input_ids, next_ids, weights (of the loss on the next token), position_ids, lessons (a number per lesson, −1
        behind the last), item_slots (rows of all worlds' items) and user_slots (rows of `scores`, times the slots of
        a user, and a slot's number), −1 where there is none, all (n_rows, row_tokens); scores (n_users, n_items) and
        worlds (n_users,).
    """
    users = [lesson for row in rows for lesson in row if lesson.scores is not None]
    numbers = {id(lesson): number for number, lesson in enumerate(users)}
    laid_out = [
        [lay_out(lesson, place, numbers.get(id(lesson), -1)) for place, lesson in enumerate(row)] for row in rows
    ]
    behind = {"lessons": -1, "item_slots": -1, "user_slots": -1}
    batch = {}
    for name in laid_out[0][0]:
        whole = [np.concatenate([lesson[name] for lesson in row]) for row in laid_out]
        padded = [
            np.pad(values, (0, row_tokens - len(values)), constant_values=behind.get(name, 0)) for values in whole
        ]
        batch[name] = torch.from_numpy(np.stack(padded))
    batch["scores"] = torch.from_numpy(np.array([lesson.scores for lesson in users], dtype=np.float32))
    batch["worlds"] = torch.tensor([lesson.world for lesson in users], dtype=torch.long)
    return batch


def lay_out(lesson: Lesson, place: int, user: int) -> dict[str, np.ndarray]:
    """A lesson's part of a row: `place` is its number there, `user` the row of its scores."""
    encoded = lesson.encoded
    answers = encoded.targets != IGNORED
    following = np.roll(encoded.input_ids, -1)
    is_slot = (encoded.item_slots >= 0) | (encoded.user_slots >= 0)
    counts = ~np.roll(is_slot, -1)  # what stands in a slot is not a token
    counts[-1] = False  # nor is what the next lesson begins with
    return {
        "input_ids": encoded.input_ids.astype(np.int64),
        "next_ids": np.where(answers, encoded.targets, following).astype(np.int64),
        "weights": np.where(answers, lesson.weights, QUESTION_WEIGHT * counts).astype(np.float32),
        "position_ids": np.arange(len(encoded)),
        "lessons": np.full(len(encoded), place),
        "item_slots": encoded.item_slots.astype(np.int64),
        "user_slots": np.where(encoded.user_slots >= 0, encoded.user_slots + user * (encoded.user_slots.max() + 1), -1),
    }


def training_arguments(params: dict[str, Any], checkpoints: Path) -> TrainingArguments:
    """The recipe's settings as transformers writes them."""
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=params["steps"],
        per_device_train_batch_size=params["rows_per_step"],
        dataloader_num_workers=params["workers"],
        accelerator_config={"dispatch_batches": False},  # which would cut the users to the number of rows
        learning_rate=params["learning_rate"],
        warmup_steps=params["warmup_steps"],
        lr_scheduler_type="cosine",
        weight_decay=0.02,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        seed=params["seed"],
        use_cpu=not torch.cuda.is_available(),
        bf16=torch.cuda.is_available(),
        logging_steps=params["logging_steps"],
        save_steps=params["save_steps"],
        save_total_limit=2,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,
    )


@torch.no_grad()
def evaluate(
    model: Any,
    slots: SlotLessons,
    in_words: Iterable[Callable[..., list[Turn]]],
    slot_top: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Share of answers' tokens that are predicted right, given the ones before, per kind of lesson.

    Args:
        model: The LLM.
        slots: Draws the lessons in slots; those in words are about its first world.
        in_words: The lessons in words.
        slot_top: As in `SlotVectors`.
        rng: Draws the lessons.
    """
    model.eval()
    vectors = SlotVectors(slots.token_ids(), top=slot_top, per_user=slots.encoder.slots_per_user)
    vectors.refresh(model.get_input_embeddings().weight)
    draws: dict[str, Callable[[], Lesson]] = {
        lesson.__name__.removeprefix("_lesson_"): partial(_in_words, slots.encoder, lesson, rng, slots.worlds[0])
        for lesson in in_words
    }
    draws |= {f"slot_{kind}": partial(slots.draw, rng, kind) for kind in slots.kinds}
    metrics = {}
    for name, draw in draws.items():
        right = total = 0
        for _ in range(N_EVALUATED):
            lesson = draw()
            batch = collate([[lesson]], len(lesson.encoded))
            filled = vectors.fill(model.get_input_embeddings()(batch["input_ids"]), batch)
            places = torch.from_numpy(lesson.encoded.targets != IGNORED)
            guesses = model(inputs_embeds=filled).logits[0].argmax(-1)
            right += int((guesses[places] == batch["next_ids"][0, places]).sum())
            total += int(places.sum())
        metrics[name] = round(right / total, 4)
    return metrics


def _in_words(encoder: ChatEncoder, lesson: Any, rng: np.random.Generator, world: World) -> Lesson:
    return Lesson(encoder.dialogue(lesson(rng, world)))


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the model in half precision (fp16 holds these weights to three digits, in half the bytes)."""
    model.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
