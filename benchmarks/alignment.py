"""Training an explainer: the project's packed prefix trees beside padded batches, same examples, same model, one run.

python benchmarks/alignment.py [--seconds 8] [--rounds 3] [--mode both]   # the demo LLM on the CPU
python benchmarks/alignment.py --hidden-size 768 --layers 12      # a random Llama of that size instead
python benchmarks/alignment.py --gpu [--attention flex_attention] # a random Llama-3 of 8 B parameters in bf16

The demo world's examples are made afresh. Each way trains on them in a process of its own for --seconds; all take
their turns --rounds times, and figures are medians:

- padded: every example filled up to 1,024 tokens, embeddings and output layer trained beside the adapter, logits of
  every token; the way of the paper's public code.
- dynamic: every batch filled up to its longest example, adapter and connectors trained, logits of every token.
- grouped: the same, in batches of similar lengths, transformers' `group_by_length`.
- packed: ours without shared prefixes, each example whole in its row, as TRL and LLaMA-Factory pack.
- trl: TRL's `SFTTrainer` with `packing=True`, its own best-fit-decreasing rows of as many tokens. It trains the adapter
  alone: the slots of vectors are tokens to it. Left out, and said so, where `trl` is not installed.
- ours: `align` as it is.

A useful token is a token of an example as it stands alone, padding excluded; shared prefixes count as often as they are
shared. Peak memory is that of training: on a GPU what torch allocated, on a CPU the resident memory, and beside it what
training added to what the process held with the model loaded. Time on one CPU thread is that of the processor, which
other work on the machine does not stretch.

Utilisation is model FLOP/s over the peak of the GPU, 989 TFLOP/s (H100 SXM, dense bf16). Model FLOPs of a token that is
computed, padding included: 4 per frozen weight that it is multiplied with (2 forward, 2 backward for activations), 6
per trained one. Attention is not counted, nor what gradient checkpointing computes again: that makes hardware FLOPs,
with 2 more per weight of the layers. The output layer counts for the tokens alone whose logits are computed.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_world import DEMO_LLM, ROOT, write_world
from padded_training import CountingTrainer, PaddedTrainer, cut
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PrinterCallback, TrainerCallback
from workers import NotRunError

from recexplainer import store
from recexplainer.alignment.rows import packed_rows
from recexplainer.alignment.trainer import training_arguments
from recexplainer.alignment.training import training_examples
from recexplainer.core.settings import Align, Settings, load_settings
from recexplainer.data.examples import AlignmentData
from recexplainer.data.splits import TRAIN
from recexplainer.llm.explainer import Explainer, adapted_explainer, new_explainer
from recexplainer.prompting.chat import Encoded
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders.base import load_recommender

PADDED_TOKENS = 1024
PEAK_FLOPS = 989e12
LLAMA_3_8B = {
    "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "rope_theta": 5e5, "max_position_embeddings": 8192,
}  # fmt: skip
TINY = {"vocab_size": 2048, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
PACKED = ("packed", "ours")  # whose attention and compilation the command line chooses
VARIANTS = ("padded", "dynamic", "grouped", "packed", "trl", "ours")
WARM_UP_STEPS = 3


def settings_of(options: argparse.Namespace, variant: str = "ours") -> Settings:
    """params.yaml with what the command line changes."""
    is_ours = variant in PACKED
    changes = {
        "row_tokens": options.row_tokens,
        "attention": options.attention if is_ours else "sdpa",
        "gradient_checkpointing": options.checkpointing,
        "compile": options.compile and is_ours,
        "save_steps": 10**9,
    }
    assignments = [f"align.{key}={str(value).lower()}" for key, value in changes.items()]
    return load_settings(ROOT / "params.yaml", assignments)


def make_explainer(folder: Path, settings: Settings, user_vectors: Tensor, options: argparse.Namespace) -> Explainer:
    """The explainer of a mode, before training, around the demo LLM or a random Llama."""
    recommender, prompts = load_recommender(folder / "recommender"), {"n_categories": settings.align.n_categories}
    llm = replace(settings.llm, base=DEMO_LLM)
    if not (options.gpu or options.hidden_size):
        return new_explainer(options.mode, llm, settings.align, recommender, user_vectors, prompts)
    model, tokenizer = random_llama(options, settings.align.attention), AutoTokenizer.from_pretrained(llm.base)
    return adapted_explainer(options.mode, model, tokenizer, None, settings.align, recommender, user_vectors, prompts)


def random_llama(options: argparse.Namespace, attention: str) -> Any:
    """A Llama of random weights, made where it is used."""
    sizes: dict[str, Any] = TINY if options.tiny else LLAMA_3_8B
    if not options.gpu:
        heads = options.hidden_size // 64
        sizes = TINY | {"hidden_size": options.hidden_size, "intermediate_size": options.hidden_size * 8 // 3,
                        "num_hidden_layers": options.layers, "num_attention_heads": heads,
                        "num_key_value_heads": heads}  # fmt: skip
    dtype = torch.bfloat16 if options.gpu else torch.float32
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        return AutoModelForCausalLM.from_config(LlamaConfig(**sizes), dtype=dtype, attn_implementation=attention)


class Clock(TrainerCallback):
    """Measures the steps behind the first few, and ends training when its time is over."""

    def __init__(self, trainer: Any, seconds: float) -> None:
        self.trainer, self.limit = trainer, seconds
        is_alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
        self.clock = time.process_time if is_alone else time.perf_counter
        self.before = self.now()

    def now(self) -> tuple[float, int, int, int]:
        """Time, steps, tokens, logits."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        trainer = self.trainer
        return self.clock(), trainer.state.global_step, trainer.n_tokens, trainer.n_logits

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to measure, or end."""
        if state.global_step == WARM_UP_STEPS:
            self.before = self.now()
        control.should_training_stop |= state.global_step > WARM_UP_STEPS and self.clock() - self.before[0] > self.limit

    def measured(self) -> tuple[float, int, int, int]:
        """Seconds, steps, tokens and logits since the first few steps."""
        return tuple(after - before for after, before in zip(self.now(), self.before, strict=True))  # type: ignore[return-value]


def measure(variant: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Train in one way, in a process of its own."""
    torch.set_num_threads(options.threads)
    settings = settings_of(options, variant)
    data = store.read_alignment(folder / "alignment")
    explainer = make_explainer(folder, settings, data.user_vectors, options)
    encoded = encoded_examples(explainer, folder, data, settings.align)
    return train_for_a_while(variant, explainer, encoded, data.user_vectors, settings.align, options)


def encoded_examples(explainer: Explainer, folder: Path, data: AlignmentData, align: Align) -> list[Encoded]:
    """What the explainer is taught in one epoch."""
    writer = PromptWriter(store.read_catalogue(folder / "catalogue.parquet"), align.n_categories)
    return list(training_examples(explainer, writer, data.of_split(TRAIN), align, np.random.default_rng(1)))


def train_for_a_while(
    variant: str,
    explainer: Explainer,
    encoded: list[Encoded],
    user_vectors: Tensor,
    align: Align,
    options: argparse.Namespace,
) -> dict[str, float]:
    """Speed, memory and utilisation of training in one way."""
    n_useful = sum(map(len, encoded))
    trainer, n_computed = trainer_of(variant, explainer, encoded, user_vectors, align, options)
    clock = Clock(trainer, options.seconds)
    trainer.add_callback(clock)
    trainer.remove_callback(PrinterCallback)
    held = start_memory()
    trainer.train()
    seconds, n_steps, n_tokens, n_logits = clock.measured()
    n_flops, n_repeated = flops(explainer, n_tokens, n_logits, align.gradient_checkpointing)
    peak = peak_memory()
    return {
        "useful tokens/s": n_tokens * n_useful / n_computed / seconds,
        "computed tokens/s": n_tokens / seconds,
        "steps/s": n_steps / seconds,
        "peak MiB": peak / 2**20,
        "added MiB": (peak - held) / 2**20,
        "model TFLOP/s": n_flops / seconds / 1e12,
        "utilisation %": 100 * n_flops / seconds / PEAK_FLOPS,
        "hardware %": 100 * (n_flops + n_repeated) / seconds / PEAK_FLOPS,
    }


def trainer_of(
    variant: str,
    explainer: Explainer,
    encoded: list[Encoded],
    user_vectors: Tensor,
    align: Align,
    options: argparse.Namespace,
) -> tuple[Any, int]:
    """The trainer of one way, and how many tokens it computes in an epoch."""
    if variant == "trl":
        return trl_trainer(explainer, encoded, align), sum(map(len, encoded)) + len(encoded)  # with the last token
    arguments = training_arguments(align, 1e6, 1, Path(tempfile.gettempdir()))  # nothing is saved there
    if variant in PACKED:
        grouped = encoded if variant == "ours" else [replace(example, group=-1) for example in encoded]
        rows = packed_rows(grouped, align, np.random.default_rng(1))
        trainer = CountingTrainer(explainer, arguments, rows, align, user_vectors)
        return trainer, len(rows) * align.row_tokens if align.rows_are_filled else rows.trees.n_tokens
    if variant == "padded":
        for layer in (explainer.llm.get_input_embeddings(), explainer.llm.get_output_embeddings()):
            layer.weight.requires_grad_(True)
    length = PADDED_TOKENS if variant == "padded" else None
    batches = cut(encoded, options.batch_size, by_length=variant == "grouped")
    padded = PaddedTrainer(explainer, arguments, [], align, user_vectors)
    padded.use(batches, length)
    return padded, sum(len(batch) * (length or max(map(len, batch))) for batch in batches)


def trl_trainer(explainer: Explainer, encoded: list[Encoded], align: Align) -> Any:
    """TRL's trainer.

    Raises:
        NotRunError: If TRL is not installed.
    """
    try:
        from trl_training import sft_trainer
    except ImportError as error:
        raise NotRunError(f"{error}; pip install trl, in a virtual environment of its own") from error
    return sft_trainer(explainer, encoded, align)


def flops(explainer: Explainer, n_tokens: int, n_logits: int, is_repeated: bool) -> tuple[float, float]:
    """Model FLOPs, and those that gradient checkpointing adds."""
    head = explainer.llm.get_output_embeddings()
    linear = [m.weight for m in explainer.llm.modules() if isinstance(m, torch.nn.Linear) and m is not head]
    per_token = sum(weight.numel() * (6 if weight.requires_grad else 4) for weight in linear)
    per_logit = head.weight.numel() * (6 if head.weight.requires_grad else 4)
    again = 2 * sum(weight.numel() for weight in linear) * n_tokens if is_repeated else 0
    return float(per_token * n_tokens + per_logit * n_logits), float(again)


def start_memory() -> int:
    """Forget the peak so far; the bytes that the process holds now."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    with contextlib.suppress(OSError):  # where it cannot be forgotten, the peak is that of the whole process
        Path("/proc/self/clear_refs").write_text("5")
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    return peak_memory()


def peak_memory() -> int:
    """The most bytes held since `start_memory`."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line (or what stands for it), with what depends on --gpu filled in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--variants",
        default=None,
        help="some of padded,dynamic,grouped,packed,trl,ours (all; on a GPU padded,packed,ours)",
    )
    parser.add_argument("--mode", default="both", help="behaviour | intention | both")
    parser.add_argument("--rounds", type=int, default=3, help="how often the ways take turns")
    parser.add_argument("--seconds", type=float, default=None, help="of training, each turn (8; 15 on a GPU)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=None, help="examples, of the padded ways (8; 4 on a GPU)")
    parser.add_argument("--row-tokens", type=int, default=None, help="of ours (256; 4096 on a GPU)")
    parser.add_argument("--hidden-size", type=int, default=None, help="a multiple of 64: a random Llama on the CPU")
    parser.add_argument("--layers", type=int, default=6, help="of that Llama")
    parser.add_argument("--gpu", action="store_true", help="a random Llama-3 of 8 B parameters in bf16")
    parser.add_argument("--tiny", action="store_true", help="with --gpu: the same path, a tiny model, any machine")
    parser.add_argument("--attention", default="sdpa", help="of ours: sdpa | flex_attention | eager")
    parser.add_argument("--compile", action="store_true", help="compile the layers, ours")
    parser.add_argument("--checkpointing", action="store_true", help="gradient checkpointing, all ways")
    options = parser.parse_args(arguments)
    defaults = {"variants": ",".join(VARIANTS), "seconds": 8, "batch_size": 8, "row_tokens": 256}
    if options.gpu:
        defaults = {"variants": "padded,packed,ours", "seconds": 15, "batch_size": 4, "row_tokens": 4096}
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main() -> None:
    """Measure the ways in turns, each in a new process, and print the table of medians."""
    options = read_options()
    variants = options.variants.split(",")
    context = multiprocessing.get_context("spawn")
    turns: dict[str, list[dict[str, float]]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as processes,
    ):
        processes.submit(write_world, Path(folder), settings_of(options)).result()
        for variant in variants * options.rounds:
            try:
                turns.setdefault(variant, []).append(processes.submit(measure, variant, Path(folder), options).result())
            except NotRunError as error:
                print(f"{variant}: not run: {error}", flush=True)
    table = {
        name: {key: statistics.median(turn[key] for turn in found) for key in found[0]}
        for name, found in turns.items()
        if found
    }
    print_table(table)


def print_table(table: dict[str, dict[str, float]]) -> None:
    """A line for each way, and how ours compares."""
    for variant, figures in table.items():
        print(f"{variant:8}" + "".join(f"  {key} {value:.4g}" for key, value in figures.items()))
    others = [name for name in table if name != "ours"] if "ours" in table else []
    for name in others:
        speed, memory, added = (table["ours"][k] / table[name][k] for k in ("useful tokens/s", "peak MiB", "added MiB"))
        print(f"ours over {name}: {speed:.1f} x the useful tokens/s, {memory:.2f} x the peak, {added:.2f} x the added")


if __name__ == "__main__":
    main()
