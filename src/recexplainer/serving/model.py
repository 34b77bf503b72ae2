"""What all registered models have in common: calls take turns, and bad requests get one sentence."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR
from mlflow.pyfunc.model import PythonModel

from recexplainer.core.errors import InputError
from recexplainer.serving.guard import ServedError, guard_server

log = logging.getLogger(__name__)


class ServedModel(PythonModel):
    """A model that is asked from several threads at once.

    Requests are read side by side and answered one at a time, each as the batch it came as: the last bits of an
    answer depend on what is computed together, and tokenizers and the generation of text keep state of their own.
    """

    def load_context(self, context: Any) -> None:
        """Load the model from its folder."""
        self._turn = threading.Lock()
        self.load(Path(context.artifacts["model"]))
        guard_server()

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row of answers per row.

        Raises:
            ServedError: If the request is at fault (status 400), or the model fails (500; the log says why).
        """
        try:
            asked = self.read(model_input, self.read_params(params or {}))
            with self._turn:
                return self.answer(asked)
        except InputError as error:
            raise ServedError(str(error)) from error
        except Exception as error:
            log.exception("the model failed")
            raise ServedError("the model failed to answer; its server's log says why", INTERNAL_ERROR) from error

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Load what the folder holds; nothing of it changes later."""

    @abstractmethod
    def read_params(self, params: dict[str, Any]) -> Any:
        """The params of a request.

        Raises:
            InputError: If one is unknown or out of range.
        """

    @abstractmethod
    def read(self, rows: pd.DataFrame, params: Any) -> Any:
        """A request, checked.

        Raises:
            InputError: If a row is at fault.
        """

    @abstractmethod
    def answer(self, asked: Any) -> pd.DataFrame:
        """Answer what `read` has read."""
