"""Train the demo LLM and its tokenizer from nothing: `python -m recipe.train` in this folder, or `make demo-llm`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from torch.utils.data import IterableDataset, get_worker_info
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Trainer, TrainingArguments, set_seed

from recexplainer.demo.dialogues import LESSONS, Turn
from recexplainer.demo.world import World
from recexplainer.prompting.chat import IGNORED, ChatEncoder
from recipe.corpus import conversations, lesson_worlds
from recipe.slots import Lesson, SlotLessons, SlotVectors
from recipe.start import start_copying

FOLDER = Path(__file__).resolve().parent.parent
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|user|>' if message['role'] == 'user' else '<|assistant|>' }}{{ message['content'] }}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
QUESTION_WEIGHT = 0.25
N_EVALUATED = 100  # lessons of each kind
Words = Callable[..., Iterator[list[Turn]]]  # (rng, n_drills=…)
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]


def main() -> None:
    """Run the recipe of params.yaml: tokenizer, training, evaluation on unseen worlds, model folder."""
    params = yaml.safe_load((FOLDER / "params.yaml").read_text())["train"]
    torch.set_num_threads(params["threads"])
    set_seed(params["seed"])
    rng = np.random.default_rng(params["seed"])
    worlds = lesson_worlds(
        rng, params["n_worlds"], params["items_per_world"], params["demo_seed"], params["demo_items"]
    )
    tokenizer = train_tokenizer(rng, worlds, params["vocabulary"])
    model = new_model(tokenizer, params)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer)} tokens")
    encoder = ChatEncoder(tokenizer)
    slots = SlotLessons(worlds[1:], encoder)
    words = partial(conversations, worlds=worlds[1:])
    teach(model, slots, words, params, FOLDER / "checkpoints")
    rng = np.random.default_rng(params["seed"] + 2)
    unseen = SlotLessons(worlds[:1], encoder)
    metrics = evaluate(model.to("cpu").float(), unseen, [lesson for lesson, _ in LESSONS], params["slot_top"], rng)
    save(model, tokenizer, FOLDER / "model")
    (FOLDER / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(metrics)


def teach(model: Any, slots: SlotLessons, words: Words, params: dict[str, Any], checkpoints: Path) -> None:
    """Train a model in place on lessons in words and in slots; goes on from the newest of `checkpoints`."""
    rows = LessonRows(slots, words, params)
    trainer = LessonTrainer(
        model,
        training_arguments(params, checkpoints),
        train_dataset=rows,
        data_collator=partial(collate, row_tokens=params["row_tokens"]),
    )
    trainer.slots = SlotVectors(slots.token_ids(), params["slot_noise"], params["slot_top"])
    trainer.train(resume_from_checkpoint=any(checkpoints.glob("checkpoint-*")))


def train_tokenizer(rng: np.random.Generator, worlds: list[World], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of the lessons' text."""
    texts = (text for turns in islice(conversations(rng, worlds), 20_000) for turn in turns for text in turn)
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<|pad|>", eos_token="<|end|>", model_max_length=2048
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def new_model(tokenizer: PreTrainedTokenizerFast, params: dict[str, Any]) -> LlamaForCausalLM:
    """A Llama of the recipe's size with fresh weights, its first heads set to copy."""
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=params["hidden_size"],
            intermediate_size=params["intermediate_size"],
            num_hidden_layers=params["n_layers"],
            num_attention_heads=params["n_heads"],
            num_key_value_heads=params["n_heads"],
            max_position_embeddings=2048,
            initializer_range=params["initial_std"],
            rope_parameters={"rope_type": "default", "rope_theta": params["rope_theta"]},
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    start_copying(model, torch.Generator().manual_seed(params["seed"]), params["initial_std"])
    return model


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


class LessonTrainer(Trainer):
    """Next-token loss: whole on the answers, a part on the questions, whose repeats teach attention to look back."""

    slots: SlotVectors

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
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
        behind the last), item_slots (rows of all worlds' items) and user_slots (rows of `scores`), −1 where there is
        none, all (n_rows, row_tokens); scores (n_users, n_items) and worlds (n_users,).
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
    counts = ~np.roll(is_slot, -1)  # what stands in a slot is no token
    counts[-1] = False  # nor is what the next lesson begins with
    return {
        "input_ids": encoded.input_ids.astype(np.int64),
        "next_ids": np.where(answers, encoded.targets, following).astype(np.int64),
        "weights": np.where(answers, lesson.weights, QUESTION_WEIGHT * counts).astype(np.float32),
        "position_ids": np.arange(len(encoded)),
        "lessons": np.full(len(encoded), place),
        "item_slots": encoded.item_slots.astype(np.int64),
        "user_slots": np.where(encoded.user_slots >= 0, user, -1),
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
        logging_steps=100,
        save_steps=1000,
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
    vectors = SlotVectors(slots.token_ids(), top=slot_top)
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
    """Write the model in half precision (fp16 holds these weights to three digits, and half the bytes go into git)."""
    target = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(target, ignore_errors=True)
    model.to(torch.float16).save_pretrained(target)
    tokenizer.save_pretrained(target)
    shutil.rmtree(folder, ignore_errors=True)
    target.rename(folder)


if __name__ == "__main__":
    main()
