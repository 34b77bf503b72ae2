"""Train the demo LLM and its tokenizer from nothing: `python -m recipe.train` in this folder, or `make demo-llm`."""

from __future__ import annotations

import json
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from recexplainer.alignment.adaptation.slots import SlotLessons
from recexplainer.alignment.adaptation.teaching import evaluate, save, teach
from recexplainer.demo.dialogues import LESSONS
from recexplainer.demo.world import World
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.store import atomic_path
from recipe.corpus import conversations, lesson_worlds
from recipe.start import start_copying

FOLDER = Path(__file__).resolve().parent.parent
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|user|>' if message['role'] == 'user' else '<|assistant|>' }}{{ message['content'] }}{{ '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
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
    with atomic_path(FOLDER / "model") as folder:
        save(model, tokenizer, folder)
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


if __name__ == "__main__":
    main()
