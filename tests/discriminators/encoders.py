"""Pre-trained encoders of a few thousand weights, with random weights and a tokenizer of whole words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from recexplainer.core.settings import Encoder

WORDS = [
    "yes", "no", ".", ";", ",", "the", "recommender", "sees", "a", "taste", "for", "games", "in", "this", "history",
    "perhaps", "it", "is", "hard", "to", "say", "some", "people", "may", "enjoy", "such", "things", "surely", "liked",
    "racing", "puzzle", "horror", "rhythm", "much",
]  # fmt: skip
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZES: dict[str, Any] = {
    "vocab_size": len(SPECIAL) + len(WORDS), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 66, "pad_token_id": 0, "initializer_range": 0.3,
}  # fmt: skip
DISTILBERT = {
    "vocab_size": SIZES["vocab_size"], "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "pad_token_id": 0,
    "max_position_embeddings": 66,
}  # fmt: skip
FAMILIES = {
    "bert": lambda: BertForMaskedLM(BertConfig(**SIZES)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SIZES)),
    "deberta": lambda: DebertaV2Model(DebertaV2Config(**SIZES)),
    "distilbert": lambda: DistilBertModel(DistilBertConfig(**DISTILBERT)),
    "modernbert": lambda: ModernBertForMaskedLM(
        ModernBertConfig(**SIZES, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)
    ),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, eos_token_id=3, bos_token_id=None)),
}


def tokenizer(**changes: Any) -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.WordLevel({word: place for place, word in enumerate(SPECIAL + WORDS)}, unk_token="[UNK]"))
    raw.normalizer = normalizers.Lowercase()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    given = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"} | changes
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, model_max_length=64, **{name: token for name, token in given.items() if token}
    )


def write_encoder(folder: Path, family: str = "bert", seed: int = 0, **changes: Any) -> Path:
    """A checkpoint as one finds them on the hub."""
    torch.manual_seed(seed)
    FAMILIES[family]().save_pretrained(folder)
    tokenizer(**changes).save_pretrained(folder)
    return folder


def encoder_settings(base: Path, **changes: Any) -> Encoder:
    values: dict[str, Any] = {
        "base": str(base), "revision": None, "n_layers": None, "epochs": 4, "batch_size": 8, "learning_rate": 0.01,
        "max_tokens": 32,
    }  # fmt: skip
    return Encoder(**(values | changes))
