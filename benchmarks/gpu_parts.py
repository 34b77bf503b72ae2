"""What `on_gpu.py` measures, part by part."""

from __future__ import annotations

import argparse
import gc
import importlib.util
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import alignment
import numpy as np
import torch
from demo_world import DEMO_LLM, ROOT
from transformers import AutoTokenizer, PrinterCallback, set_seed
from workers import NotRunError

from recexplainer import store
from recexplainer.alignment.evaluation import evaluate
from recexplainer.alignment.rows import packed_rows
from recexplainer.alignment.trainer import AlignmentTrainer, training_arguments
from recexplainer.alignment.training import train
from recexplainer.alignment.warm_start import warm_start
from recexplainer.core.settings import Align, Settings, load_settings
from recexplainer.data.splits import TEST, TRAIN
from recexplainer.llm.base_model import load_base
from recexplainer.llm.explainer import Explainer, adapted_explainer, new_explainer
from recexplainer.llm.packing import pack, share_prefixes
from recexplainer.prompting.chat import Encoded
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders.base import load_recommender
from recexplainer.tasks import interest_classification, item_discrimination, next_item_retrieval

SEED, MODE = 7, "both"
FLEX, COMPILED = ("--attention", "flex_attention"), ("--compile",)
WAYS: dict[str, tuple[str, tuple[str, ...]]] = {  # part: the variant of alignment.py, and its options
    "ours": ("ours", ()),
    "packed": ("packed", ()),
    "ours, flex": ("ours", FLEX),
    "ours, flex, compiled": ("ours", FLEX + COMPILED),
    "packed, flex": ("packed", FLEX),
    "ours, compiled": ("ours", COMPILED),
    "padded": ("padded", ()),
    "dynamic": ("dynamic", ()),
}
EVALUATED = (next_item_retrieval.NAME, interest_classification.NAME, item_discrimination.NAME)
DEMO_ROW_TOKENS = 1024  # longer rows than the demo's: fewer steps, which a GPU takes in nearly the same time each


class Parts:
    """Answers `measure(part)`; the 8 B model is made once and serves all parts that train it.

    Args:
        folder: What `write_world` wrote.
        is_tiny: Whether everything is tiny, for any machine.
        threads: Of torch.
    """

    def __init__(self, folder: Path, is_tiny: bool, threads: int) -> None:
        torch.set_num_threads(threads)
        self.folder, self.is_tiny, self.threads = folder, is_tiny, threads
        data = store.read_alignment(folder / "alignment")
        self.data = replace(data, examples=list(data.examples)[:: 20 if is_tiny else 1])
        self.writer = PromptWriter(store.read_catalogue(folder / "catalogue.parquet"), self.settings.align.n_categories)
        self.recommender = load_recommender(folder / "recommender")
        self.encodings: dict[int, list[Encoded]] = {}  # by the tokens of a row

    def measure(self, part: str) -> dict[str, Any]:
        """The figures of a part."""
        if part in WAYS:
            return self.speed(*WAYS[part])
        return {"precision": self.precision, "qlora": self.qlora, "align": self.align, "align, CPU": self.align}[part]()

    # The 8 B model

    @cached_property
    def llama(self) -> Any:
        """The base LLM, which `speed` adapts and leaves as it was."""
        return alignment.random_llama(self.options(()), "sdpa")

    def options(self, given: Sequence[str]) -> argparse.Namespace:
        """alignment.py's options."""
        tiny = ("--tiny", "--row-tokens", "512", "--seconds", "1") if self.is_tiny else ("--seconds", "8")
        return alignment.read_options(["--gpu", "--threads", str(self.threads), *tiny, *given])

    def speed(self, variant: str, given: Sequence[str]) -> dict[str, Any]:
        """Train the 8 B model in one way."""
        options = self.options(given)
        if options.attention == "flex_attention" and not torch.cuda.is_available():
            raise NotRunError("flex_attention learns on a GPU alone")
        align, users = alignment.settings_of(options, variant).align, self.data.user_vectors
        self.llama.set_attn_implementation(align.attention)
        tokenizer = AutoTokenizer.from_pretrained(DEMO_LLM)
        set_seed(SEED)
        explainer = adapted_explainer(MODE, self.llama, tokenizer, None, align, self.recommender, users, {})
        encoded = self._encoded(explainer, align)
        figures = alignment.train_for_a_while(variant, explainer, encoded, users, align, options)
        self._restore(explainer)
        return {**figures, "row tokens": options.row_tokens, "device": _device()}

    def _restore(self, explainer: Explainer) -> None:
        explainer.llm.unload()
        self.llama.requires_grad_(False).zero_grad()
        for layer in self.llama.modules():
            layer._compiled_call_impl = None
        gc.collect()
        torch.cuda.empty_cache()

    # The demo LLM

    @cached_property
    def settings(self) -> Settings:
        """The demo's, in longer rows."""
        epochs, n_draws = (0.2, 100) if self.is_tiny else (0.3, 1000)
        changes = {"align.row_tokens": DEMO_ROW_TOKENS, "align.save_steps": 10**9, "align.logging_steps": 50,
                   "evaluate_alignment.n_draws": n_draws}  # fmt: skip
        settings = load_settings(ROOT / "params.yaml", [f"{name}={value}" for name, value in changes.items()])
        align = replace(settings.align, epochs={**settings.align.epochs, MODE: epochs})
        return replace(settings, align=align, llm=replace(settings.llm, base=DEMO_LLM))

    def precision(self) -> dict[str, Any]:
        """Losses of the demo LLM's first steps in fp32 and in bf16, same rows in the same order."""
        n_steps = 5 if self.is_tiny else 100
        exact = self._losses(torch.float32, n_steps)
        mixed = self._losses(torch.bfloat16, n_steps)
        return _difference(exact, mixed)

    def qlora(self) -> dict[str, Any]:
        """The same in 4 bits."""
        if importlib.util.find_spec("bitsandbytes") is None:
            raise NotRunError("bitsandbytes is not installed")
        if not torch.cuda.is_available():
            raise NotRunError("four_bit needs a GPU")
        exact = self._losses(torch.float32, 100)
        return _difference(exact, self._losses(torch.bfloat16, 100, four_bit=True))

    def _losses(self, dtype: torch.dtype, n_steps: int, four_bit: bool = False) -> np.ndarray:
        align = replace(self.settings.align, logging_steps=1)
        set_seed(SEED)
        base = load_base(self.settings.llm, dtype, four_bit=four_bit)
        users = self.data.user_vectors
        explainer = adapted_explainer(MODE, *base, None, align, self.recommender, users, {})
        trees = share_prefixes(self._encoded(explainer, align)[: 200 * n_steps], align.row_tokens)
        rows = [[trees[n] for n in row] for row in pack(trees, align.row_tokens, np.random.default_rng(SEED))]
        arguments = training_arguments(align, 1.0, SEED, Path(tempfile.gettempdir()))
        arguments.max_steps = n_steps
        arguments.bf16 = dtype == torch.bfloat16
        arguments.mixed_precision = "bf16" if arguments.bf16 else "no"
        trainer = AlignmentTrainer(explainer, arguments, rows, align, users)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return np.array([line["loss"] for line in trainer.state.log_history if "loss" in line])

    def _encoded(self, explainer: Explainer, align: Align) -> list[Encoded]:
        if align.row_tokens not in self.encodings:
            encoded = alignment.encoded_examples(explainer, self.folder, self.data, align)
            self.encodings[align.row_tokens] = encoded
        return self.encodings[align.row_tokens]

    def align(self) -> dict[str, Any]:
        """`align` and `evaluate_alignment` of the demo, mode `both`: metrics, their intervals, seconds."""
        settings, users = self.settings, self.data.user_vectors
        taught = {e.vector_row: e.history for e in self.data.of_split(TRAIN) if e.vector_row >= 0}
        seconds: dict[str, float] = {}
        set_seed(SEED)
        prompts = {"n_categories": settings.align.n_categories}
        explainer = new_explainer(MODE, settings.llm, settings.align, self.recommender, users, prompts)
        encoded = self._encoded(explainer, settings.align)
        histories = dict(sorted(taught.items()))
        given = (explainer, self.writer, users[list(histories)], list(histories.values()), settings.align, SEED)
        _timed(seconds, "warm start", partial(warm_start, *given))
        with tempfile.TemporaryDirectory() as folder:
            rows = packed_rows(encoded, settings.align, np.random.default_rng(SEED))
            learn = partial(train, explainer, rows, users, settings.align, SEED, Path(folder), lambda *_: None)
            report = _timed(seconds, "train", learn)
        decoding = replace(settings.evaluate_alignment, tasks=list(EVALUATED))
        asked = [e for task in EVALUATED for e in self.data.of_split(TEST, task)[: 20 if self.is_tiny else 300]]
        evaluated = _timed(seconds, "evaluate", partial(evaluate, explainer, self.writer, asked, decoding, SEED, users))
        return {"device": _device(), "seconds": seconds, "train": report, "metrics": evaluated.metrics}


def _difference(exact: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    apart = np.abs(exact - other)
    return {
        "device": _device(), "steps": len(exact), "fp32 first": exact[0], "fp32 last": exact[-1],
        "other first": other[0], "other last": other[-1], "mean difference": apart.mean(),
        "largest difference": apart.max(), "mean relative difference": (apart / exact).mean(),
    }  # fmt: skip


def _timed(seconds: dict[str, float], name: str, call: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds[name] = round(time.perf_counter() - began, 2)
    return result


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
