"""A world that fits on a page: a catalogue of awkward titles, histories, a recommender, and a language model of
two layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from recexplainer import store
from recexplainer.alignment.building import build_examples
from recexplainer.core.records.explanation import ModelVersion
from recexplainer.core.settings import Settings, load_settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.interactions import Interactions
from recexplainer.llm.explainer import Explainer, new_explainer
from recexplainer.prompting import wording
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.gru4rec import GRU4Rec
from recexplainer.recommenders.mf import MF
from recexplainer.recommenders.sasrec import SASRec
from tests.conftest import REPOSITORY

torch.set_num_threads(1)

TITLES = (
    "Rust",
    "Rust II",
    "Rust; Bone; Glory",
    'The "Quiet" Harbor',
    "星の庭 Hoshi",
    "Slot <item> Machine",
    "End <|end|> Game",
    "Fox",
    "Fox on the Run",
    "Amber Gate",
    "Amber Garden",
    "Iron Wolf",
)
N_ITEMS = len(TITLES)
TEMPLATE = (
    "{% for message in messages %}{{ '<|user|>' if message['role'] == 'user' else '<|assistant|>' }}"
    "{{ message['content'] }}{{ '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<s>", "</s>", "[INST]", "[/INST]"]


@cache
def _raw_tokenizer() -> str:
    where = ("__file__", "__cached__")  # of the checkout: tests must not depend on it
    words = [v for name, v in vars(wording).items() if isinstance(v, str) and name not in where]
    words += ["/home/user/recexplainer/src/recexplainer/prompting/wording.py"]
    texts = [*words, *wording.ITEM_QUESTIONS.values(), *TITLES, "Nova Orbit Racing Puzzle"] * 3
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(texts, trainer)
    return raw.to_str()


def tokenizer(template: str | None = TEMPLATE, **tokens: str | None) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with some chat template."""
    given: dict[str, Any] = {"pad_token": "<|pad|>", "eos_token": "<|end|>"} | tokens
    made = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_raw_tokenizer()),
        model_max_length=2048,
        **{name: token for name, token in given.items() if token},
    )
    made.chat_template = template
    return made


def llama(vocabulary: int, seed: int = 0, **changes: Any) -> LlamaForCausalLM:
    """A Llama with random weights, large enough that its tokens' probabilities differ."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(
        vocab_size=vocabulary,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        initializer_range=0.3,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        **(sizes | changes),
    )
    return LlamaForCausalLM(config).eval()


def write_base(folder: Path) -> Path:
    """A base model's folder."""
    made = tokenizer()
    llama(len(made)).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def catalogue() -> Catalogue:
    """Twelve items: one category that all share, one of two platforms, one of three genres."""
    rows = range(1, N_ITEMS + 1)
    return Catalogue(
        pd.DataFrame(
            {
                "item_id": list(rows),
                "raw_id": [f"B{item}" for item in rows],
                "title": list(TITLES),
                "brand": ["Wolf Works" if item % 2 else "" for item in rows],
                "categories": [
                    ["Video Games", ("Nova", "Orbit")[item % 2], ("Racing", "Puzzle", "Horror")[item % 3]]
                    for item in rows
                ],
                "features": [["Players: online"] if item % 3 else [] for item in rows],
                "description": [f"Game number {item}." for item in rows],
                "price": [float("nan")] * N_ITEMS,
            }
        )
    )


def interactions(n_users: int = 10, seed: int = 0) -> Interactions:
    """Histories of five to seven items; user 1 takes one item twice."""
    rng = np.random.default_rng(seed)
    sequences = [(rng.permutation(N_ITEMS)[: rng.integers(5, 8)] + 1).tolist() for _ in range(n_users)]
    sequences[0] = [3, 5, 3, 8, 1]
    lengths = [len(sequence) for sequence in sequences]
    return Interactions(
        item_ids=np.array([item for sequence in sequences for item in sequence], dtype=np.int32),
        offsets=np.array([0, 0, *np.cumsum(lengths)], dtype=np.int64),
        n_items=N_ITEMS,
    )


def interactions_frame(given: Interactions) -> pd.DataFrame:
    """The same as rows."""
    rows = [
        (user, int(item), position)
        for user in range(1, given.n_users + 1)
        for position, item in enumerate(given.sequence(user))
    ]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "position"])


def users(n_users: int = 10) -> pd.DataFrame:
    """Every fifth user is for testing, the one before for validation."""
    split = {4: "valid", 0: "test"}
    ids = range(1, n_users + 1)
    return pd.DataFrame(
        {
            "user_id": list(ids),
            "raw_id": [f"U{user}" for user in ids],
            "split": [split.get(user % 5, "train") for user in ids],
        }
    )


def dialogues() -> list[dict[str, Any]]:
    """Two conversations, as `prepare` writes them."""
    texts = ["Hello!", "Hello! How can I help?", "Thank you.", "You are welcome."]
    turns = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]
    return [{"id": "a", "turns": turns}, {"id": "b", "turns": turns[:2]}]


def mf(seed: int = 0, n_items: int = N_ITEMS) -> MF:
    """Matrix factorisation with random items."""
    recommender = MF(n_items, dim=6, regularisation=0.5, confidence=2.0)
    vectors = torch.randn(n_items + 1, 6, generator=torch.Generator().manual_seed(seed))
    vectors[0] = 0
    recommender.items.copy_(vectors)
    return recommender.freeze()


def sasrec(seed: int = 0) -> SASRec:
    """A SASRec with random weights and a dropout that would show, were it ever on."""
    torch.manual_seed(seed)
    return SASRec(N_ITEMS, dim=8, n_layers=1, n_heads=2, max_length=6, dropout=0.5).freeze()


def gru4rec(seed: int = 0) -> GRU4Rec:
    """A GRU4Rec with random weights."""
    torch.manual_seed(seed)
    return GRU4Rec(N_ITEMS, dim=8, n_layers=1, max_length=6, dropout=0.5).freeze()


class RecordedRun:
    """Stands in for the tracked run."""

    def __init__(self) -> None:
        self.metrics: dict[str, Any] = {}
        self.tags: dict[str, Any] = {}
        self.artifacts: list[Path] = []
        self.datasets: list[Path] = []
        self.prompts: dict[str, str] = {}

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Keep the metrics."""
        self.metrics |= metrics

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Keep the tags."""
        self.tags |= tags

    def link_model(self, model: ModelVersion | None) -> None:
        """Keep the model's name and version."""
        self.tags |= {"model": model.name, "version": model.version} if model else {}

    def log_prompt(self, name: str, text: str, about: str) -> None:
        """Keep the wording."""
        self.prompts[name] = text

    def log_artifact(self, path: Path) -> None:
        """Keep the path."""
        self.artifacts.append(path)

    def log_dataset(self, path: Path, name: str, context: str = "") -> None:
        """Keep the path."""
        self.datasets.append(path)


def write_prepared(recommender: Recommender | None = None) -> None:
    """Put what `prepare` and `train_recommender` write into the working folder."""
    store.write_interactions(interactions_frame(interactions()))
    store.write_catalogue(catalogue().frame)
    store.write_users(users())
    store.write_dialogues(dialogues())
    (recommender or mf()).save(store.RECOMMENDER)


def write_alignment() -> None:
    """Put what `build_alignment` writes beside it."""
    given = (interactions(), catalogue(), users(), dialogues(), mf())
    examples, vectors = build_examples(*given, settings().build_alignment, seed=1)
    store.write_alignment(examples, vectors)
    store.write_drafts([])


SMALL = (
    "run.threads=1",
    "build_alignment.max_history=4",
    "build_alignment.min_history=3",
    "build_alignment.positions_per_user=2",
    "build_alignment.eval_positions_per_user=2",
    "build_alignment.verdicts_per_history=2",
    "build_alignment.choices_per_history=2",
    "build_alignment.rankings_per_history=2",
    "build_alignment.classifications_per_history=2",
    "build_alignment.eval_classifications_per_history=2",
    "build_alignment.evidence_per_history=4",
    "align.connector_hidden_size=8",
    "align.n_categories=1",
    "align.warm_start_steps=3",
    "align.row_tokens=320",
    "align.lora.r=2",
    "align.logging_steps=1",
    "align.save_steps=1000",
    "align.eval_steps=0",
    "align.learning_rate=0.01",
    "evaluate_baselines.student_epochs=2",
    "evaluate_alignment.batch_size=8",
    "explain.n_cases=4",
    "explain.max_new_tokens=4",
)


def settings(*assignments: str) -> Settings:
    """params.yaml, made small."""
    return load_settings(REPOSITORY / "params.yaml", [*SMALL, *assignments])


def some_user_vectors(recommender: Recommender | None = None) -> torch.Tensor:
    """(5, dim) of five users: what user slots 0 to 4 point into."""
    return (recommender or mf()).user_vectors([[1, 2, 3], [4, 5], [6], [7, 8, 9], [10, 11, 12]])


def explainer(
    base: Path, mode: str, recommender: Recommender | None = None, user_vectors: torch.Tensor | None = None,
    *assignments: str,
) -> Explainer:  # fmt: skip
    """An explainer that is yet to be trained; its adapter is given random weights, so that it does something."""
    chosen = settings(f"llm.base={base}", *assignments)
    recommender = recommender or mf()
    if user_vectors is None:
        user_vectors = some_user_vectors(recommender)
    torch.manual_seed(5)
    prompts = {
        "n_categories": chosen.align.n_categories,
        "max_history": chosen.build_alignment.max_history,
        "like_top": chosen.build_alignment.like_top,
        "dislike_bottom": chosen.build_alignment.dislike_bottom,
        "chat_template": None,
    }
    made = new_explainer(mode, chosen.llm, chosen.align, recommender, user_vectors, prompts)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    return made.eval()


def writer(n_categories: int = 1) -> PromptWriter:
    """Writes prompts about the twelve items."""
    return PromptWriter(catalogue(), n_categories)


def out_of_memory(*_: Any, **__: Any) -> None:
    """In place of what needs the memory of a GPU."""
    raise torch.OutOfMemoryError("CUDA out of memory")


def run_stage(body: Callable[..., Callable[[], None] | None], *given: Any) -> None:
    """Run a stage's body and what it leaves to the main process, without a tracked run's scaffolding."""
    write = body(*given)
    if write is not None:
        write()
