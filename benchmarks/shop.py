"""A large shop through the pipeline: seconds, CPU seconds and peak memory of each stage.

python benchmarks/shop.py --out FOLDER [--users 1000000] [--length 20] [--items 200000] [-S PARAMETER=VALUE …]
python benchmarks/shop.py --out FOLDER --users 5000 --length 80 --items 120000 -S prepare.k_core=1 --to report

The events are invented: half of a user's steps go to a neighbour of the last item, the others to popular items. The
first command ends after `train_recommender`; to the report, the embedded LLM is aligned in mode `both` in a few steps,
which tells what the stages cost and nothing about the texts. FOLDER becomes a project; events that are already there
are used again, and `--after STAGE` goes on behind a stage.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

USERS_AT_ONCE = 100_000
NEIGHBOURHOOD = 5
SOURCES = ("both", "template")
STAGES = (
    "prepare",
    "train_recommender",
    "register_recommender",
    "build_alignment",
    "adapt_llm",
    "audit",
    "draft_explanations",
    "align --mode both",
    "register --mode both",
    "evaluate_alignment --source both",
    "evaluate_baselines",
    *(f"{stage} --source {source}" for stage in ("explain", "judge", "faithfulness") for source in SOURCES),
    "compare_faithfulness",
    "discriminate",
    "register_discriminators",
    "report",
)
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
    "dataset.columns.brand=brand",
    "dataset.columns.categories=categories",
    "train_recommender.sasrec.max_epochs=3",
    "adapt_llm.steps=20",
    "evaluate_baselines.student_epochs=1",
    "align.modes=[both]",
    "align.epochs={behaviour: 0.001, intention: 0.001, both: 0.001}",
    "evaluate_alignment.sources=[both]",
    "explain.sources=[both, template]",
)
MAKERS = ("Arlo", "Brisk", "Corvid", "Dunmore", "Elmwood", "Fenn", "Gale", "Harrow")
KINDS = ("kettle", "lamp", "chair", "knife", "jacket", "tent", "drill", "clock", "basket", "rug", "scarf", "bowl")
ADJECTIVES = ("plain", "small", "folding", "heavy", "bright", "quiet", "round", "soft")


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


def described(item: int) -> dict[str, object]:
    """An item's row: neighbours in number are of one kind, so that sequences and categories have to do with each other.

    >>> described(1234)["title"]
    'Corvid folding jacket 1234'
    """
    maker, kind = MAKERS[item % len(MAKERS)], KINDS[item // 50 % len(KINDS)]
    adjective = ADJECTIVES[item // 5 % len(ADJECTIVES)]
    title = f"{maker} {adjective} {kind} {item}"
    return {"item": item, "title": title, "brand": maker, "categories": [kind.title(), f"{adjective} things".title()]}


def write_shop(folder: Path, n_users: int, length: int, n_items: int) -> None:
    """Write events.csv (user, item, position) and items.jsonl (item, title, brand, categories)."""
    folder.mkdir(parents=True)
    with (folder / "items.jsonl").open("w") as lines:
        lines.writelines(json.dumps(described(item)) + "\n" for item in range(n_items))
    first = 0
    for items in sequences(n_users, length, n_items):
        users = np.repeat(np.arange(first, first + len(items)), length)
        events = pd.DataFrame(
            {"user": users, "item": items.ravel(), "position": np.tile(np.arange(length), len(items))}
        )
        events.to_csv(folder / "events.csv", mode="a", header=first == 0, index=False)
        first += len(items)


def become_project(folder: Path) -> None:
    """Copy the project's parameters, templates and embedded LLM to the folder."""
    project = Path(__file__).resolve().parents[1]
    shutil.copy(project / "params.yaml", folder)
    for part in ("params", "demo_llm/model"):
        shutil.copytree(project / part, folder / part, dirs_exist_ok=True)


def measured(stage: str, project: Path, assignments: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MB of a stage, in a process of its own."""
    options = [text for assignment in assignments for text in ("-S", assignment)]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "recexplainer", *stage.split(), *options], cwd=project)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print a table: a row per stage, as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--after", choices=STAGES, metavar="STAGE", help="go on behind this stage")
    parser.add_argument("--to", choices=STAGES, default="train_recommender", metavar="STAGE")
    parser.add_argument("-S", dest="assignments", action="append", default=[], metavar="PARAMETER=VALUE")
    arguments = parser.parse_args()
    if not (arguments.out / "raw").exists():
        write_shop(arguments.out / "raw", arguments.users, arguments.length, arguments.items)
    become_project(arguments.out)
    first = STAGES.index(arguments.after) + 1 if arguments.after else 0
    rows = []
    for stage in STAGES[first : STAGES.index(arguments.to) + 1]:
        seconds, cpu_seconds, peak_mb = measured(stage, arguments.out, [*PARAMETERS, *arguments.assignments])
        rows.append(f"| `{stage}` | {seconds:.0f} | {cpu_seconds:.0f} | {peak_mb:.0f} |")
        print(rows[-1], flush=True)
    print("\n".join(["", "| | s | CPU s | peak MB |", "|---|---|---|---|", *rows]))


if __name__ == "__main__":
    main()
