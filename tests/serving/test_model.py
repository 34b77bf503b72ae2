from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.serving.guard import ServedError
from recexplainer.serving.model import ServedModel


class Counting(ServedModel):
    """Answers with how many are at it."""

    def load(self, folder: Path) -> None:
        self.folder, self.n_inside, self.n_most = folder, 0, 0

    def read_params(self, params: dict[str, Any]) -> int:
        if "bad" in params:
            raise InputError("params: 'bad' is unknown")
        return int(params.get("n", 1))

    def read(self, rows: pd.DataFrame, params: int) -> int:
        return params * len(rows)

    def answer(self, asked: int) -> pd.DataFrame:
        if asked == 0:
            raise ZeroDivisionError(f"in {self.folder}")
        self.n_inside += 1
        self.n_most = max(self.n_most, self.n_inside)
        time.sleep(0.001)
        self.n_inside -= 1
        return pd.DataFrame({"n": [asked]})


ROWS = pd.DataFrame({"a": [1, 2]})


@pytest.fixture
def model() -> Counting:
    made = Counting()
    made.load_context(SimpleNamespace(artifacts={"model": "/somewhere/model"}))
    return made


def test_calls_take_turns(model: Counting) -> None:
    started = threading.Barrier(8)

    def ask(n: int) -> int:
        if n < 8:
            started.wait()
        return int(model.predict(None, ROWS, {"n": n + 1})["n"][0])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(40))) == [2 * (n + 1) for n in range(40)]
    assert model.n_most == 1


def test_bad_input_is_one_sentence_with_status_400(model: Counting) -> None:
    with pytest.raises(ServedError) as caught:
        model.predict(None, ROWS, {"bad": 1})
    caught.value.message = (
        f"Failed to predict data '{ROWS}'. \nError: {caught.value.message}"  # as MLflow's server does
    )
    body = json.loads(caught.value.serialize_as_json())
    assert body["message"] == "params: 'bad' is unknown" and body["error_code"] == "INVALID_PARAMETER_VALUE"
    assert caught.value.get_http_status_code() == 400


def test_a_failure_is_logged_and_not_told(model: Counting, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ServedError) as caught:
        model.predict(None, ROWS, {"n": 0})
    assert caught.value.get_http_status_code() == 500 and "/somewhere" not in caught.value.serialize_as_json()
    assert isinstance(caught.value.__cause__, ZeroDivisionError) and "/somewhere" in caplog.text
    assert model.predict(None, ROWS)["n"].tolist() == [2]  # and the next one has its turn
