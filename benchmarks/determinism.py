"""What equal numbers cost, and what hangs on them: a small training under several choices of kernels, in one run.

python benchmarks/determinism.py [--examples 400] [--runs 3]

Each choice gets a process of its own, which multiplies small matrices, makes the demo's world and its recommender, and
trains an explainer of mode `both` on a few examples. The first choice is the project's own. Time is that of the
processor, the least of the runs, with what stands before it as one; beside it what is equal bit for bit to the first
choice, and by how much the trained weights differ, in standard deviations of a weight.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from recexplainer.core.numerics import WITH_AVX2, set_threads

OURS = "ours"
CHOICES: dict[str, dict[str, str]] = {
    OURS: {},
    "none": {},  # what the libraries choose by themselves
    "ATen default": {"ATEN_CPU_CAPABILITY": "default"},
    "oneDNN all": {"ONEDNN_MAX_CPU_ISA": "DEFAULT"},
    "MKL compatible": {"MKL_CBWR": "COMPATIBLE"},
    "two threads": {"OMP_NUM_THREADS": "2"},
}
PARTS = ("products", "recommender", "answers", "weights")


def measure(folder: Path, n_examples: int) -> dict[str, Any]:
    """Multiply, make the world and train, in this process: seconds and digests."""
    import numpy as np
    import torch
    from demo_world import DEMO_LLM, ROOT, write_world
    from safetensors.torch import save_file

    from recexplainer import store
    from recexplainer.alignment.rows import packed_rows
    from recexplainer.alignment.training import train, training_examples
    from recexplainer.core.settings import load_settings
    from recexplainer.data.splits import TRAIN
    from recexplainer.llm.explainer import new_explainer
    from recexplainer.prompting.prompts import PromptWriter
    from recexplainer.recommenders.base import load_recommender

    set_threads(1)
    torch.manual_seed(1)  # of the adapter
    left, right = torch.randn(2, 64, 192, generator=torch.Generator().manual_seed(1))
    began = time.process_time()
    for _ in range(20_000):
        product = left @ right.T
    multiplied = time.process_time() - began

    settings = load_settings(ROOT / "params.yaml", ["align.epochs.both=1", "align.save_steps=1000000"])
    write_world(folder, settings)
    recommender = load_recommender(folder / "recommender")
    data = store.read_alignment(folder / "alignment")
    vectors, taught = data.user_vectors, list(data.of_split(TRAIN))[:: max(1, len(data.examples) // n_examples)]
    llm = replace(settings.llm, base=DEMO_LLM)
    explainer = new_explainer("both", llm, settings.align, recommender, vectors, {"n_categories": 3})
    writer = PromptWriter(store.read_catalogue(folder / "catalogue.parquet"), settings.align.n_categories)
    encoded = training_examples(explainer, writer, taught, settings.align, np.random.default_rng(1))
    began = time.process_time()
    rows = packed_rows(encoded, settings.align, np.random.default_rng(1))
    train(explainer, rows, vectors, settings.align, 1, folder / "checkpoints", lambda *_: None)
    trained = time.process_time() - began

    weights = {n: p.detach().contiguous() for n, p in explainer.named_parameters() if p.requires_grad}
    save_file(weights, folder / "weights.safetensors")
    given = {
        "products": [product.numpy().tobytes()],
        "recommender": [recommender.item_vectors().numpy().tobytes(), vectors.numpy().tobytes()],
        "answers": [repr(list(data.examples)).encode()],
        "weights": [weights[name].numpy().tobytes() for name in sorted(weights)],
    }
    digests = {part: hashlib.sha256(b"".join(pieces)).hexdigest() for part, pieces in given.items()}
    return {"products": multiplied, "training": trained, "digests": digests}


def ask(name: str, folder: Path, n_examples: int) -> dict[str, Any]:
    """What `measure` finds in a process with the variables of a choice."""
    folder.mkdir(parents=True)
    command = [sys.executable, __file__, "--in", str(folder), "--examples", str(n_examples)]
    variables = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **CHOICES[name]}
    kept = {key: value for key, value in os.environ.items() if key not in WITH_AVX2}
    command += ["--bare"] if name == "none" else []
    done = subprocess.run(command, env=kept | variables, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def distance(folder: Path, other: Path) -> float:
    """The root mean square difference of the trained weights, over that of the first ones about their mean."""
    import torch
    from safetensors.torch import load_file

    one, two = (load_file(path / "weights.safetensors") for path in (folder, other))
    first, second = (torch.cat([given[name].flatten().double() for name in sorted(one)]) for given in (one, two))
    return float((first - second).square().mean().sqrt() / first.std())


def show(folder: Path, n_examples: int, n_runs: int) -> None:
    """Ask all choices in turn, and print a line for each."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CHOICES}
    for number in range(n_runs):
        for name, runs in found.items():
            runs.append(ask(name, folder / f"{name}-{number}", n_examples))
    least = {
        name: {key: min(run[key] for run in runs) for key in ("products", "training")} for name, runs in found.items()
    }
    expected = found[OURS][0]["digests"]
    for name, runs in found.items():
        digests = [run["digests"] for run in runs]
        equal = [part for part in PARTS if all(given[part] == expected[part] for given in digests)]
        cost = "  ".join(f"{key} {value:.2f} s ({value / least[OURS][key]:.2f})" for key, value in least[name].items())
        apart = distance(folder / f"{OURS}-0", folder / f"{name}-0")
        repeats = all(given == digests[0] for given in digests)
        print(f"{name:15} {cost}  equal: {', '.join(equal) or 'none'}; weights {apart:.1e} apart; repeats: {repeats}")


def main() -> None:
    """Ask all choices, or be one of the processes that are asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=400, help="about how many are trained on")
    parser.add_argument("--runs", type=int, default=3, help="of each choice")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder is None:
        with tempfile.TemporaryDirectory() as folder:
            show(Path(folder), options.examples, options.runs)
        return
    if options.bare:  # no library has read them yet
        for name in WITH_AVX2:
            os.environ.pop(name, None)
    print(json.dumps(measure(options.folder, options.examples)))


if __name__ == "__main__":
    main()
