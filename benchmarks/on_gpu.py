"""The figures of one H100 or H200, most important first, within a few minutes.

python benchmarks/on_gpu.py --minutes 10 --out FOLDER             # on the GPU
python benchmarks/on_gpu.py --tiny --minutes 3 --out FOLDER       # every part on any machine, with tiny models

FOLDER/on_gpu.json is written anew after each part. It says of each: done (with figures), out of time, failed (with the
last lines of the error), not run (with the reason) or not reached. A part runs in another process and ends at its
limit; after a crash the next part gets a new process.

- ours, packed, padded, dynamic: the ways of alignment.py, on a random Llama-3 of 8 B parameters in bf16 with LoRA, rows
  of 4,096 tokens. Ours and packed also with flex attention and with compiled layers. MFU is its `utilisation %`.
- precision: the losses of 100 steps of the demo LLM, bf16 against fp32. qlora: the same in 4 bits against fp32.
- align: the demo's `align` (mode both, rows of 1,024 tokens) and `evaluate_alignment` (300 questions of each of three
  tasks). The CPU does the same meanwhile, and the metrics are compared.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from workers import Worker

LIMITS = {  # part: seconds, most important first; the first part's process has the model to make too
    "ours": 90.0,
    "packed": 40.0,
    "ours, flex": 60.0,
    "precision": 60.0,
    "align": 90.0,
    "ours, flex, compiled": 80.0,  # compilation may take all of it
    "packed, flex": 45.0,
    "padded": 45.0,
    "dynamic": 40.0,
    "ours, compiled": 75.0,
    "qlora": 45.0,
}
ON_CPU = "align, CPU"


class Report:
    """The JSON file; threads may write to it."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()
        self.began = time.monotonic()
        versions = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft", "accelerate")}
        parts: dict[str, Any] = {}
        self.content: dict[str, Any] = {"versions": versions, "cores": os.cpu_count(), "parts": parts}

    def write(self, part: str, outcome: dict[str, Any]) -> None:
        """Add or change what is known of a part."""
        with self.lock:
            self.content["parts"][part] = outcome
            self.content["seconds"] = round(time.monotonic() - self.began, 1)
            unfinished = self.path.with_suffix(".tmp")
            unfinished.write_text(json.dumps(self.content, indent=2, default=float) + "\n")
            unfinished.replace(self.path)
            if outcome["state"] != "not reached":
                print(f"{self.content['seconds']:6.1f} s  {part}: {json.dumps(outcome, default=float)}", flush=True)

    def figures(self, part: str) -> dict[str, Any] | None:
        """What a part measured; None unless it is done."""
        return self.content["parts"].get(part, {}).get("figures")


def answers(folder: Path, is_tiny: bool, threads: int) -> Callable[[str], Any]:
    """In the process of a worker, where torch may be imported."""
    from gpu_parts import Parts

    return Parts(folder, is_tiny, threads).measure


def run_parts(worker: Worker, limits: dict[str, float], ends: float, report: Report) -> None:
    """Ask for the parts one after the other."""
    for part, limit in limits.items():
        left = ends - time.monotonic()
        if left > 2:
            report.write(part, worker.ask(part, min(limit, left)))
    worker.stop()


def write_comparison(report: Report) -> None:
    """The metrics of GPU and CPU, where both are there."""
    gpu, cpu = report.figures("align"), report.figures(ON_CPU)
    if gpu and cpu:
        report.write("align, GPU and CPU", {"state": "done", "figures": compare(gpu, cpu)})


def compare(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Whether each metric of one lies within the other's interval, or the intervals meet at least."""
    found = {}
    for task, metrics in one["metrics"].items():
        for name, value in metrics.items():
            mine, theirs = (side["metrics"].get(task, {}).get(f"{name}_interval") for side in (one, other))
            if mine and theirs:
                found[f"{task}/{name}"] = {
                    "GPU": value,
                    "CPU": other["metrics"][task][name],
                    "within the CPU's interval": theirs[0] <= value <= theirs[1],
                    "intervals meet": mine[0] <= theirs[1] and theirs[0] <= mine[1],
                }
    return found


def main(given: list[str] | None = None) -> None:
    """Measure all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="of everything together")
    parser.add_argument("--out", type=Path, required=True, help="the folder of on_gpu.json and of the logs")
    parser.add_argument("--parts", default=None, help="some, with ; between: " + "; ".join(LIMITS))
    parser.add_argument("--tiny", action="store_true", help="tiny models, any machine")
    options = parser.parse_args(given)
    chosen = [part.strip() for part in options.parts.split(";")] if options.parts else list(LIMITS)
    if unknown := set(chosen) - set(LIMITS):
        parser.error(f"--parts: unknown: {', '.join(sorted(unknown))}")
    options.out.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * options.minutes
    report = Report(options.out / "on_gpu.json")
    on_cpu = [ON_CPU] if "align" in chosen else []
    for part in [*chosen, *on_cpu]:
        report.write(part, {"state": "not reached"})
    limits = {part: LIMITS[part] * (4 if options.tiny else 1) for part in chosen}  # a CPU may be busy or slow
    threads = max(1, min(8, (os.cpu_count() or 1) // 2))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as lanes:
        make_world(Path(folder), options.tiny)
        answer = partial(answers, Path(folder), options.tiny, threads)
        gpu = Worker(answer, options.out / "gpu.log")
        cpu = Worker(answer, options.out / "cpu.log", {"CUDA_VISIBLE_DEVICES": ""})
        both = [
            lanes.submit(run_parts, gpu, limits, ends, report),
            lanes.submit(run_parts, cpu, dict.fromkeys(on_cpu, 60 * options.minutes), ends, report),
        ]
        for lane in both:
            lane.result()
    write_comparison(report)


def make_world(folder: Path, is_tiny: bool) -> None:
    """The demo's examples, which all parts learn from."""
    from demo_world import ROOT, write_world

    from recexplainer.core.settings import load_settings

    write_world(folder, load_settings(ROOT / "params.yaml", ["generate_demo.n_users=240"] if is_tiny else []))


if __name__ == "__main__":
    main()
