"""A guard before MLflow's server, which ignores unknown parameters and answers bad requests with its own stack."""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.types.schema import DataType

from recexplainer.core.errors import InputError
from recexplainer.serving.fields import check_names

MAX_ROWS = 64  # of one request to the server, which gives up after 60 seconds
RECORDS, SPLIT, PARAMS = "dataframe_records", "dataframe_split", "params"
FORMATS = (RECORDS, SPLIT, "instances", "inputs")
SERVER = "mlflow.pyfunc.scoring_server"
MAX_SENTENCE = 300  # characters

log = logging.getLogger(__name__)


class ServedError(MlflowException):
    """An answer of one sentence; MLflow's server would put all rows of the request before it.

    Args:
        message: The sentence.
        error_code: Of MLflow; by default the one that makes the status 400.
    """

    def __init__(self, message: str, error_code: int = INVALID_PARAMETER_VALUE) -> None:
        super().__init__(message, error_code=error_code)

    def serialize_as_json(self) -> str:
        """The body of the answer."""
        self.message = str(self.args[0])
        return str(super().serialize_as_json())


def guard_server() -> None:
    """Check requests before MLflow's server reads them, where this process is one; once is enough.

    The server hands a model neither unknown parameters nor numbers as they were sent, and has no place for a
    model's own checks: so its function is replaced.
    """
    server: Any = sys.modules.get(SERVER)
    if server is not None and not hasattr(server.invocations, "__wrapped__"):
        server.invocations = guarded(server.invocations)


def guarded(invocations: Callable[..., Any]) -> Callable[..., Any]:
    """The server's function behind the guard: what it raises has one sentence and no stack."""

    @functools.wraps(invocations)
    def checked(data: bytes, content_type: str | None, model: Any, input_schema: Any) -> Any:
        try:
            check_request(data, content_type, model.unwrap_python_model(), input_schema)
            return invocations(data, content_type, model, input_schema)
        except InputError as error:
            raise ServedError(str(error)) from None
        except ServedError:
            raise
        except Exception as error:  # MLflow could not read the request: nothing else is left to go wrong here
            log.warning("a request was refused", exc_info=True)
            raise ServedError(_sentence(error)) from None

    return checked


def check_request(data: bytes, content_type: str | None, model: Any, input_schema: Any) -> None:
    """Check all of a request but the rows' values, which the model reads.

    Raises:
        InputError: If it is at fault.
    """
    if not content_type:
        raise InputError("the request has no Content-Type: send application/json")
    kind = content_type.split(";")[0].strip()
    if kind == "application/json":
        check_body(parse(data), model)
    elif kind == "text/csv" and not all(isinstance(column.type, DataType) for column in input_schema.inputs):
        raise InputError("text/csv cannot hold the rows of this model: send application/json")


def parse(data: bytes) -> dict[str, Any]:
    """The body of a request.

    Raises:
        InputError: If it is not a JSON object.
    """
    try:
        body = json.loads(data)
    except ValueError as error:
        raise InputError(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise InputError("the body is not valid JSON for a request: it is nested too deeply") from None
    if rb"\ud" in data.lower() and not _has_characters(body):
        raise InputError("the body is not valid JSON: it contains half of a surrogate pair, which is not a character")
    if not isinstance(body, dict):
        raise InputError(f'the body must be a JSON object: {{"{RECORDS}": [...], "{PARAMS}": {{...}}}}')
    return body


def check_body(body: dict[str, Any], model: Any) -> None:
    """Check what a request holds: its rows in one format, not too many, and parameters that the model knows.

    Raises:
        InputError: If it is at fault.
    """
    check_names(body, (*FORMATS, PARAMS), "the body")
    given = [name for name in FORMATS if name in body]
    if len(given) != 1:
        raise InputError(f"the body must contain its rows exactly once, as {RECORDS}")
    n_rows = count_rows(body[given[0]])
    if not 1 <= n_rows <= MAX_ROWS:
        raise InputError(f"{given[0]}: expected 1 to {MAX_ROWS} rows, got {n_rows}")
    params = {} if body.get(PARAMS) is None else body[PARAMS]
    if not isinstance(params, dict):
        raise InputError(f"{PARAMS}: expected an object of names and values")
    model.read_params(params)


def count_rows(rows: Any) -> int:
    """The rows of a request in any of MLflow's formats; what is none of them has no rows.

    >>> count_rows([{"a": 1}, {"a": 2}]), count_rows({"columns": ["a"], "data": [[1], [2]]}), count_rows({"a": [1, 2]})
    (2, 2, 2)
    """
    if isinstance(rows, list):
        return len(rows)
    if isinstance(rows, dict):
        columns = [rows["data"]] if "data" in rows else list(rows.values())
        return max((len(column) if isinstance(column, list) else 1 for column in columns), default=0)
    return 0


def _has_characters(body: Any) -> bool:
    try:
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _sentence(error: Exception) -> str:
    """What MLflow says is wrong, without the request that it repeats before it."""
    if not isinstance(error, MlflowException):
        return "the request cannot be read as rows of the model's fields"
    words = " ".join(str(error.message).rsplit("Error: ", 1)[-1].split())
    return words if len(words) <= MAX_SENTENCE else words[: MAX_SENTENCE - 1] + "…"
