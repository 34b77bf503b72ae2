"""Answers of MLflow's server to 1, 8 and 32 clients, beside one process that answers in sequence.

PYTHONPATH=src:. python benchmarks/serving.py [--requests 64] [--new-tokens 40] [--threads 1] [--together]

The demo LLM with an untrained adapter of mode `both`, registered nowhere else, is asked about test users of the demo's
world, one decision per request. `predict` is one process without a server. All have to give the same answers, bit
for bit. `--together` asks what batching would bring and cost: the same requests in one process, eight at once.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_world import DEMO_LLM, ROOT, write_world

from recexplainer import store
from recexplainer.core import environment
from recexplainer.core.settings import Settings, load_settings
from recexplainer.llm.explainer import new_explainer
from recexplainer.recommenders.base import load_recommender
from recexplainer.tasks import interest_classification
from recexplainer.tracking import registry, runs
from tests.serving.server import mlflow_server

CLIENTS = (1, 8, 32)
Row = dict[str, Any]


def log_model(folder: Path, settings: Settings) -> tuple[str, list[Row]]:
    """Log the explainer in a tracking store in `folder`; its id, and rows to ask it."""
    write_world(folder, settings)
    examples, user_vectors = store.read_alignment(folder / "alignment")
    recommender = load_recommender(folder / "recommender")
    torch.manual_seed(1)
    prompts = {
        "n_categories": settings.align.n_categories,
        "max_history": settings.build_alignment.max_history,
        "chat_template": None,
    }
    llm = replace(settings.llm, base=DEMO_LLM)
    explainer = new_explainer("both", llm, settings.align, recommender, user_vectors, prompts).eval()
    explainer.save(folder / "model")
    (folder / "model" / store.CATALOGUE.name).write_bytes((folder / "catalogue.parquet").read_bytes())
    with runs.open_run("align", settings):
        model_id = registry.log_model_folder(folder / "model", "explainer-both", "demo")
    asked = [e for e in examples if e.task == interest_classification.NAME and e.split == "test"]
    return f"models:/{model_id}", [{"history": e.history, "item_id": e.items[0]} for e in asked]


def timed(ask: Callable[[Row], Row], rows: Sequence[Row], n_clients: int) -> tuple[list[Row], float, list[float]]:
    """The answers, how many there are in a second, and the seconds that each took."""

    def measured(row: Row) -> tuple[Row, float]:
        started = time.perf_counter()
        return ask(row), time.perf_counter() - started

    started = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as clients:
        answers, seconds = zip(*clients.map(measured, rows), strict=True)
    return list(answers), len(rows) / (time.perf_counter() - started), list(seconds)


def main() -> None:
    """Ask all ways and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in the server and beside it")
    parser.add_argument("--together", action="store_true", help="ask eight at once in one process, too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    environment.set_quiet_environment()
    settings, params = load_settings(ROOT / "params.yaml"), {"max_new_tokens": options.new_tokens}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
        os.chdir(folder)
        uri, rows = log_model(Path(folder), settings)
        rows = (rows * options.requests)[: options.requests]
        measure(Path(folder), uri, rows, params, options.together)


def measure(folder: Path, uri: str, rows: list[Row], params: Row, together: bool) -> None:
    """Print a line per way of asking."""
    import mlflow

    model = mlflow.pyfunc.load_model(uri)

    def predict(row: Row) -> Row:
        return dict(model.predict([row], params=params).iloc[0])

    predict(rows[0])  # the first calls are slow
    expected, *rest = timed(predict, rows, 1)
    print(line("predict", expected, expected, *rest), flush=True)
    if together:
        started, found = time.perf_counter(), []
        for start in range(0, len(rows), 8):
            found += model.predict(rows[start : start + 8], params=params).to_dict("records")
        seconds = time.perf_counter() - started
        print(line("8 together", expected, found, len(rows) / seconds, [8 * seconds / len(rows)]), flush=True)
    with mlflow_server(uri, folder, environment.tracking_uri()) as server:

        def ask(row: Row) -> Row:
            status, text = server.ask({"dataframe_records": [row], "params": params})
            assert status == 200, text
            return json.loads(text)["predictions"][0]

        ask(rows[0])
        for n_clients in CLIENTS:
            print(line(f"{n_clients} clients", expected, *timed(ask, rows, n_clients)), flush=True)


def line(name: str, expected: list[Row], found: list[Row], rate: float, seconds: list[float]) -> str:
    """One line of the table."""
    same = sum(one == other for one, other in zip(expected, found, strict=True))
    median, late = np.percentile(seconds, [50, 95])
    return f"{name:12}{rate:7.2f} answers/s   median {median:6.2f} s   p95 {late:6.2f} s   equal {same} of {len(found)}"


if __name__ == "__main__":
    main()
