"""A large shop through `prepare` and `train_recommender`: seconds, CPU seconds and peak memory of each stage.

python benchmarks/shop.py --out FOLDER [--users 1000000] [--length 20] [--items 200000] [-S PARAMETER=VALUE …]

The events are invented: half of a user's steps go to a neighbour of the last item, the others to popular items. FOLDER
becomes a project; events that are already there are used again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

USERS_AT_ONCE = 100_000
NEIGHBOURHOOD = 5
STAGES = ("prepare", "train_recommender")
PARAMETERS = (
    "dataset.name=shop",
    "dataset.raw=raw",
    "dataset.format=table",
    "dataset.interactions_file=events.csv",
    "dataset.items_file=items.jsonl",
    "dataset.dialogues_file=null",
    "dataset.columns.user=user",
    "dataset.columns.item=item",
    "dataset.columns.order=position",
    "dataset.columns.item_key=item",
    "train_recommender.sasrec.max_epochs=3",
)


def sequences(n_users: int, length: int, n_items: int) -> Iterator[np.ndarray]:
    """Item numbers (users, length), in blocks of users."""
    rng = np.random.default_rng(0)
    for start in range(0, n_users, USERS_AT_ONCE):
        shape = (min(USERS_AT_ONCE, n_users - start), length)
        items = (n_items * rng.random(shape) ** 3).astype(np.int32)  # low numbers are popular
        is_near, steps = rng.random(shape) < 0.5, rng.integers(1, NEIGHBOURHOOD + 1, shape)
        for place in range(1, length):
            near = (items[:, place - 1] + steps[:, place]) % n_items
            items[:, place] = np.where(is_near[:, place], near, items[:, place])
        yield items


def write_shop(folder: Path, n_users: int, length: int, n_items: int) -> None:
    """Write events.csv (user, item, position) and items.jsonl."""
    folder.mkdir(parents=True)
    with (folder / "items.jsonl").open("w") as lines:
        lines.writelines(json.dumps({"item": item, "title": f"Product {item}"}) + "\n" for item in range(n_items))
    first = 0
    for items in sequences(n_users, length, n_items):
        users = np.repeat(np.arange(first, first + len(items)), length)
        events = pd.DataFrame(
            {"user": users, "item": items.ravel(), "position": np.tile(np.arange(length), len(items))}
        )
        events.to_csv(folder / "events.csv", mode="a", header=first == 0, index=False)
        first += len(items)


def measured(stage: str, project: Path, assignments: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MB of a stage, in a process of its own."""
    options = [text for assignment in assignments for text in ("-S", assignment)]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "recexplainer", stage, *options], cwd=project)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print a table: a row per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("-S", dest="assignments", action="append", default=[], metavar="PARAMETER=VALUE")
    arguments = parser.parse_args()
    if not (arguments.out / "raw").exists():
        write_shop(arguments.out / "raw", arguments.users, arguments.length, arguments.items)
    params = Path(__file__).resolve().parents[1] / "params.yaml"
    (arguments.out / "params.yaml").write_bytes(params.read_bytes())
    rows = {stage: measured(stage, arguments.out, [*PARAMETERS, *arguments.assignments]) for stage in arguments.stages}
    print("| | s | CPU s | peak MB |\n|---|---|---|---|")
    for stage, (seconds, cpu_seconds, peak_mb) in rows.items():
        print(f"| `{stage}` | {seconds:.0f} | {cpu_seconds:.0f} | {peak_mb:.0f} |")


if __name__ == "__main__":
    main()
