"""Train the demo LLM and its tokenizer from nothing: `python -m recipe.train` in this folder, or `make demo-llm`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import IterableDataset
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Trainer, TrainingArguments, set_seed

from recexplainer.alignment.chat import IGNORED, ChatEncoder
from recexplainer.alignment.packing import collate, share_prefixes
from recexplainer.alignment.warm_start import item_words, user_directions
from recexplainer.data.world import World
from recipe.corpus import conversations, lesson_worlds
from recipe.slots import Part, lesson, lesson_by_task, taught
from recipe.start import start_copying

FOLDER = Path(__file__).resolve().parent.parent
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|user|>' if message['role'] == 'user' else '<|assistant|>' }}{{ message['content'] }}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
QUESTION_WEIGHT = 0.25
CONVERSATIONS_PER_USER = 6  # a user's questions are as long as some eight conversations
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
    rows = LessonRows(worlds[1:], tokenizer, params["row_tokens"], params["n_drills"], params["seed"] + 1)
    trainer = LessonTrainer(model, training_arguments(params), train_dataset=rows, data_collator=collate_row)
    checkpoints = sorted((FOLDER / "checkpoints").glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=bool(checkpoints))
    metrics = evaluate(model, tokenizer, worlds[:1], np.random.default_rng(params["seed"] + 2))
    save(model, tokenizer, FOLDER / "model")
    (FOLDER / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(metrics)


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
    """Packed rows of conversations and of lessons in vectors, endless; the same seed gives the same rows."""

    def __init__(
        self, worlds: list[World], tokenizer: PreTrainedTokenizerFast, row_tokens: int, n_drills: int, seed: int
    ) -> None:
        self.worlds, self.encoder, self.row_tokens = worlds, ChatEncoder(tokenizer), row_tokens
        self.taught = [taught(world, self.encoder) for world in worlds]
        self.n_drills, self.seed = n_drills, seed

    def __iter__(self) -> Iterator[list[Part]]:
        row: list[Part] = []
        room = self.row_tokens
        for part in self._parts(np.random.default_rng(self.seed)):
            if len(part.tree) > room:
                yield row
                row, room = [], self.row_tokens
            row.append(part)
            room -= len(part.tree)

    def _parts(self, rng: np.random.Generator) -> Iterator[Part]:
        for number, turns in enumerate(conversations(rng, self.worlds, self.n_drills)):
            example = self.encoder.dialogue(turns)
            if len(example) <= self.row_tokens:
                yield from map(Part, share_prefixes([example], self.row_tokens))
            if number > self.n_drills / 2 and number % CONVERSATIONS_PER_USER == 0:
                world = self.taught[int(rng.integers(len(self.taught)))]
                yield from lesson(rng, world, self.encoder, self.row_tokens)


class LessonTrainer(Trainer):
    """Next-token loss: whole on the answers, a part on the questions, whose repeats teach attention to look back."""

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
        """Weighted mean of the cross-entropy of all tokens' successors, along the branches of each tree."""
        output = model(
            inputs_embeds=embed(model, inputs),
            attention_mask=inputs["attention_mask"],
            position_ids=inputs["position_ids"],
        )
        losses = torch.nn.functional.cross_entropy(output.logits[0].float(), inputs["labels"][0], reduction="none")
        weights = inputs["weights"][0]
        loss = (losses * weights).sum() / weights.sum()
        return (loss, output) if return_outputs else loss


def embed(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Token embeddings (1, length, hidden) in which the words of items and the directions of users stand at slots."""
    embedding = model.get_input_embeddings()
    embeddings = embedding(inputs["input_ids"])
    if "item_tokens" not in inputs:
        return embeddings
    table = embedding.weight.detach()
    words = torch.stack([item_words(table, tokens) for tokens in inputs["item_tokens"][0]])
    users = [user_directions(words[n], row[None])[0] for n, row in enumerate(inputs["scores"][0])]
    for slots, vectors in ((inputs["item_slots"], words.flatten(0, 1)), (inputs["user_slots"], torch.stack(users))):
        places = slots >= 0
        embeddings = embeddings.masked_scatter(places[..., None], vectors[slots[places]])
    return embeddings


def collate_row(rows: list[list[Part]]) -> dict[str, torch.Tensor]:
    """A packed row as a batch: what follows each token, the weight of its loss, and what the slots stand for."""
    parts = rows[0]
    batch = collate([part.tree for part in parts])
    answers = batch.pop("targets")
    following = torch.full_like(answers, 0)
    following[:, :-1] = batch["input_ids"][:, 1:]
    labels = torch.where(answers != IGNORED, answers, following)
    weights = torch.where(answers != IGNORED, 1.0, QUESTION_WEIGHT)
    goes_on = torch.zeros_like(weights, dtype=torch.bool)
    goes_on[:, :-1] = batch["position_ids"][:, 1:] == batch["position_ids"][:, :-1] + 1
    is_slot = (batch["user_slots"] >= 0) | (batch["item_slots"] >= 0)
    before_slot = torch.zeros_like(goes_on)
    before_slot[:, :-1] = is_slot[:, 1:]
    weights[(answers == IGNORED) & (~goes_on | before_slot)] = 0.0  # nothing, or nothing to be foreseen, comes next
    return {**batch, "labels": labels, "weights": weights, **_slots(parts, batch)}


def _slots(parts: list[Part], batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Slots numbered through the row, and the texts and scores that they stand for, one block per part with slots."""
    item_slots, user_slots, tokens, scores, start = batch["item_slots"], batch["user_slots"], [], [], 0
    for part in parts:
        chosen = (0, slice(start, start + len(part.tree)))
        start += len(part.tree)
        if part.taught is None or part.scores is None:
            continue
        items, users = item_slots[chosen], user_slots[chosen]
        item_slots[chosen] = torch.where(items >= 0, items - 1 + len(tokens) * len(part.scores), items)
        user_slots[chosen] = torch.where(users >= 0, len(tokens), users)
        tokens.append(part.taught.item_tokens)
        scores.append(torch.from_numpy(part.scores).float())
    if not tokens:
        return {}
    longest = max(rows.shape[1] for rows in tokens)
    same_length = [torch.nn.functional.pad(rows, (0, longest - rows.shape[1]), value=-1) for rows in tokens]
    return {"item_tokens": torch.stack(same_length)[None], "scores": torch.stack(scores)[None]}


def training_arguments(params: dict[str, Any]) -> TrainingArguments:
    """The recipe's settings as transformers writes them."""
    return TrainingArguments(
        output_dir=str(FOLDER / "checkpoints"),
        max_steps=params["steps"],
        per_device_train_batch_size=1,
        learning_rate=params["learning_rate"],
        warmup_steps=params["warmup_steps"],
        lr_scheduler_type="cosine",
        weight_decay=0.02,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        seed=params["seed"],
        use_cpu=True,
        logging_steps=200,
        save_steps=500,
        save_total_limit=2,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,
    )


@torch.no_grad()
def evaluate(model: Any, tokenizer: Any, worlds: list[World], rng: np.random.Generator) -> dict[str, float]:
    """Share of answers' tokens that are predicted right, per kind of lesson, on a world that was not taught.

    `slots/<task>` are the lessons in vectors.
    """
    from recexplainer.data.dialogues import LESSONS

    model.eval()
    encoder, metrics = ChatEncoder(tokenizer), {}
    for kind, _ in LESSONS:
        dialogues = [encoder.dialogue(kind(rng, worlds[0])) for _ in range(40)]
        parts = [Part(tree) for example in dialogues for tree in share_prefixes([example], len(example))]
        metrics[kind.__name__.removeprefix("_lesson_")] = _share_right(model, parts)
    world = taught(worlds[0], encoder)
    by_task: dict[str, list[Part]] = {}
    for _ in range(60):
        for task, parts_of_task in lesson_by_task(rng, world, encoder).items():
            by_task.setdefault(f"slots/{task}", []).extend(parts_of_task)
    return metrics | {task: _share_right(model, parts) for task, parts in by_task.items()}


def _share_right(model: Any, parts: list[Part]) -> float:
    right = total = 0
    for part in parts:
        batch = collate_row([[part]])
        logits = model(
            inputs_embeds=embed(model, batch),
            attention_mask=batch["attention_mask"],
            position_ids=batch["position_ids"],
        ).logits[0]
        places = torch.from_numpy(part.tree.targets != IGNORED)
        right += int((logits.argmax(-1) == batch["labels"][0])[places].sum())
        total += int(places.sum())
    return round(right / total, 4)


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
