"""What the tracking store keeps, on this machine: any model by its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.core import environment
from recexplainer.core.errors import InputError
from recexplainer.tracking import runs

if TYPE_CHECKING:
    import pandas as pd


def fetch_model(uri: str) -> Path:
    """The folder, on this machine, of any model that MLflow keeps under ``models:/…`` or ``runs:/…``.

    Raises:
        InputError: when there is no such model, or it cannot be fetched.
    """
    runs.connect()
    return download(uri)


def load_python_model(folder: Path | str) -> Callable[[pd.DataFrame], Any]:
    """Any pyfunc model as a function of a table; its code runs, also out of a pickle: for what the user named alone."""
    import mlflow

    with environment.variable("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true"):
        loaded: Callable[[pd.DataFrame], Any] = mlflow.pyfunc.load_model(str(folder)).predict
        return loaded


def load_spark_udf(spark: Any, uri: str, params: dict[str, Any], variables: dict[str, str]) -> Callable[..., Any]:
    """A registered model as a function of Spark's columns.

    Args:
        spark: The session.
        uri: The model's address.
        params: What the model is asked with.
        variables: Of the environment of Spark's workers.
    """
    import mlflow.pyfunc

    loaded: Callable[..., Any] = mlflow.pyfunc.spark_udf(
        spark, uri, env_manager="local", params=params, extra_env=variables
    )
    return loaded


def download(uri: str) -> Path:
    """What the tracking store keeps under an address, on this machine; read it, never write to it.

    Raises:
        InputError: when there is no such model, or the store does not deliver its files.
    """
    import mlflow

    try:
        with runs.waiting(f"fetching {uri}"):
            return Path(mlflow.artifacts.download_artifacts(uri))
    except Exception as error:  # stores have no common base of errors
        raise InputError(
            f"{uri}: cannot be fetched from the tracking store: {runs.redact(str(error))}; check that the store still "
            "holds its files; a registered version whose files are lost can be deleted and made again by dvc repro"
        ) from error
