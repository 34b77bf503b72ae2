"""Teach the demo LLM the words of a catalogue of one's own, before it is aligned.

A large LLM has read of real products before it is aligned. The demo LLM has not: to it their titles are strings of
letters. Here its tokenizer learns the catalogue's words, and its lessons continue about this one catalogue: copying
titles, spelling the item in a slot, and telling, by two slots, how an item suits a user of invented taste. It
sees no interaction, and asks no recommender.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from recexplainer.alignment.adaptation.catalogue_world import Tastes, conversations, lessons_in_words, world_of
from recexplainer.alignment.adaptation.slots import SlotLessons
from recexplainer.alignment.adaptation.teaching import OnLog, evaluate, teach
from recexplainer.alignment.adaptation.vocabulary import extend_embeddings, extend_tokenizer
from recexplainer.core.settings import AdaptLlm
from recexplainer.demo.domain import Domain
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.prompting.prompts import PromptWriter

KINDS = {"title": 0.35, "verdict": 0.12, "rank": 0.13, "first": 0.35, "explain": 0.05}
IN_WORDS = {"verdict": 0.3, "rank": 0.3, "first": 0.0, "explain": 1.0}
MIN_ITEMS = 20  # lessons draw a history of up to ten, and candidates besides


@dataclass(frozen=True)
class Adapted:
    """An LLM that knows a catalogue's words, in fp32 on the CPU, and how well it learnt its lessons."""

    model: Any
    tokenizer: Any
    n_new_tokens: int
    metrics: dict[str, float]  # shares of answers' tokens that are predicted right, by kind of lesson


def new_words(writer: PromptWriter) -> list[str]:
    """What becomes a token, the most needed first: categories of several items, titles, categories of one (tags)."""
    items = range(1, writer.catalogue.n_items + 1)
    n_items = Counter(name for item in items for name in writer.categories(item))
    shared = [name for name, n in n_items.items() if n > 1]
    return [*shared, *writer.catalogue.titles[1:], *(name for name, n in n_items.items() if n == 1)]


def adapt(
    base: Path,
    writer: PromptWriter,
    domain: Domain,
    chosen: AdaptLlm,
    seed: int,
    checkpoints: Path,
    on_log: OnLog,
    slots_per_user: int = 1,
) -> Adapted:
    """Adapt the demo LLM to a catalogue; resumes from the newest complete checkpoint of the same lessons.

    Args:
        base: The folder of the demo LLM.
        writer: Writes the catalogue's items as prompts do.
        domain: The words for what the catalogue holds.
        chosen: The settings.
        seed: Of the lessons.
        checkpoints: The folder of all checkpoints; those of other lessons have folders of their own.
        on_log: Takes loss and rate, with the number of the step.
        slots_per_user: How many positions of a prompt a user's vector takes.
    """
    items = range(1, writer.catalogue.n_items + 1)
    texts = [writer.item_text(item) for item in items]
    names = new_words(writer)
    known: Any = AutoTokenizer.from_pretrained(base)
    tokenizer, parts = extend_tokenizer(known, names, chosen.n_tokens)
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, use_safetensors=True)
    extend_embeddings(model, parts)
    world = world_of(writer, domain)
    slots = SlotLessons(
        [world],
        ChatEncoder(tokenizer, slots_per_user),
        writers=[writer],
        kinds=KINDS,
        in_words=IN_WORDS,
        taste=Tastes(world, texts),
        hides_history=True,
    )
    params = asdict(chosen) | {"seed": seed, "n_drills": 0, "slots_per_user": slots_per_user}
    own = hashlib.sha256(repr((params, domain, texts, names)).encode()).hexdigest()[:16]
    teach(model, slots, partial(conversations, world=world), params, checkpoints / own, on_log)
    learnt = evaluate(
        model.to("cpu").float(),
        slots,
        [lesson for lesson, _ in lessons_in_words(world)],
        chosen.slot_top,
        np.random.default_rng(seed + 2),
    )
    return Adapted(model, tokenizer, len(parts), learnt)
