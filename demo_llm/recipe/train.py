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
from recexplainer.alignment.packing import Tree, collate, share_prefixes
from recexplainer.data.world import World
from recipe.corpus import conversations, lesson_worlds
from recipe.start import start_copying

FOLDER = Path(__file__).resolve().parent.parent
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|user|>' if message['role'] == 'user' else '<|assistant|>' }}{{ message['content'] }}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
QUESTION_WEIGHT = 0.25
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
    """Packed rows of conversations, endless; the same seed gives the same rows."""

    def __init__(
        self, worlds: list[World], tokenizer: PreTrainedTokenizerFast, row_tokens: int, n_drills: int, seed: int
    ) -> None:
        self.worlds, self.encoder, self.row_tokens = worlds, ChatEncoder(tokenizer), row_tokens
        self.n_drills, self.seed = n_drills, seed

    def __iter__(self) -> Iterator[list[Tree]]:
        rng = np.random.default_rng(self.seed)
        row: list[Tree] = []
        room = self.row_tokens
        for turns in conversations(rng, self.worlds, self.n_drills):
            example = self.encoder.dialogue(turns)
            if len(example) > self.row_tokens:
                continue
            if len(example) > room:
                yield row
                row, room = [], self.row_tokens
            row += share_prefixes([example], self.row_tokens)
            room -= len(example)


class LessonTrainer(Trainer):
    """Next-token loss: whole on the answers, a part on the questions, whose repeats teach attention to look back."""

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
        """Weighted mean of the cross-entropy of all tokens but the first of each conversation."""
        output = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            position_ids=inputs["position_ids"],
        )
        losses = torch.nn.functional.cross_entropy(output.logits[0].float(), inputs["next_ids"][0], reduction="none")
        weights = inputs["weights"][0]
        loss = (losses * weights).sum() / weights.sum()
        return (loss, output) if return_outputs else loss


def collate_row(rows: list[list[Tree]]) -> dict[str, torch.Tensor]:
    """A packed row as a batch, with every place's next token and the weight of the loss on it."""
    batch = collate(rows[0])
    answers = batch["targets"] != IGNORED
    weights = torch.where(answers, 1.0, QUESTION_WEIGHT)
    following = batch["input_ids"].roll(-1, dims=1)
    next_ids = torch.where(answers, batch["targets"], following)  # an answer's end is a target and no input
    return {**batch, "next_ids": next_ids, "weights": weights}


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
        save_steps=2000,
        save_total_limit=2,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,
    )


@torch.no_grad()
def evaluate(model: Any, tokenizer: Any, worlds: list[World], rng: np.random.Generator) -> dict[str, float]:
    """Share of answers reproduced token by token, per kind of lesson, on a world that was not taught."""
    from recexplainer.data.dialogues import LESSONS

    model.eval()
    encoder = ChatEncoder(tokenizer)
    metrics = {}
    for lesson, _ in LESSONS:
        right = total = 0
        for _ in range(40):
            example = encoder.dialogue(lesson(rng, worlds[0]))
            logits = model(input_ids=torch.from_numpy(example.input_ids[None]).long()).logits[0]
            targets = torch.from_numpy(example.targets).long()
            places = targets != IGNORED
            right += int((logits.argmax(-1)[places] == targets[places]).sum())
            total += int(places.sum())
        metrics[lesson.__name__.removeprefix("_lesson_")] = round(right / total, 4)
    return metrics


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
