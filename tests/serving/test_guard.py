from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ColSpec, DataType, Schema

from recexplainer.serving import guard
from recexplainer.serving.fields import check_names
from recexplainer.serving.guard import SERVER, ServedError, guard_server, guarded

JSON = "application/json"
MODEL = SimpleNamespace(
    unwrap_python_model=lambda: SimpleNamespace(read_params=lambda params: check_names(params, ("k",), "params"))
)
SCHEMA = Schema([ColSpec(DataType.string, "text")])


def send(server: Any, body: Any, content_type: str | None = JSON) -> Any:
    return guarded(server)(json.dumps(body).encode(), content_type, MODEL, SCHEMA)


def fails(error: Exception) -> Any:
    def server(*_: Any) -> None:
        raise error

    return server


def test_a_good_request_reaches_the_server_as_it_is() -> None:
    body = {"dataframe_records": [{"text": "a"}], "params": {"k": 1}}
    given = send(lambda *given: given, body)
    assert given == (json.dumps(body).encode(), JSON, MODEL, SCHEMA)
    assert guarded(lambda *_: 1)(b"text\na", "text/csv; charset=utf-8", MODEL, SCHEMA) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "the body must be a JSON object"),
        ({"rows": []}, "the body: 'rows' is unknown; known: dataframe_records, dataframe_split, "),
        ({"inputs": [1], "instances": [1]}, "the body must contain its rows exactly once"),
        ({"inputs": "all"}, "inputs: expected 1 to 64 rows, got 0"),
        ({"dataframe_split": {"columns": ["text"], "data": [["a"]] * 65}}, "expected 1 to 64 rows, got 65"),
        ({"inputs": [1], "params": 3}, "params: expected an object"),
        ({"inputs": [1], "params": {"n": 3}}, "params: 'n' is unknown; known: k"),
    ],
)
def test_a_bad_one_does_not(body: Any, message: str) -> None:
    with pytest.raises(ServedError) as caught:
        send(lambda *_: pytest.fail("reached"), body)
    assert message in str(caught.value) and caught.value.get_http_status_code() == 400


def test_what_mlflow_raises_loses_its_stack_and_the_request() -> None:
    long = MlflowException(
        "Failed to predict data '\n 0 1'. \nError: Model is missing inputs ['a'].", stack_trace="/x.py"
    )
    for error, message in (
        (long, "Model is missing inputs ['a']."),
        (MlflowException("x" * 999), "x" * 299 + "…"),
        (AttributeError("in /x.py"), "the request cannot be read as rows of the model's fields"),
    ):
        with pytest.raises(ServedError) as caught:
            send(fails(error), {"inputs": [1]})
        assert json.loads(caught.value.serialize_as_json())["message"] == message
        assert caught.value.get_http_status_code() == 400 and "x.py" not in caught.value.serialize_as_json()
    with pytest.raises(ServedError, match="^ours$") as caught:
        send(fails(ServedError("ours", 1)), {"inputs": [1]})
    assert caught.value.get_http_status_code() == 500


def test_the_server_is_guarded_once_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SimpleNamespace(invocations=lambda *_: 1)
    monkeypatch.setitem(sys.modules, SERVER, server)  # type: ignore[arg-type]
    guard_server()
    once = server.invocations
    guard_server()
    assert server.invocations is once and once.__wrapped__
    monkeypatch.delitem(sys.modules, guard.SERVER)
    guard_server()
