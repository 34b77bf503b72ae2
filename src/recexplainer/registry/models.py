"""Model folders in the tracking store: logged as MLflow models from code, and fetched again."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import recexplainer
from recexplainer import environment, tracking
from recexplainer.contents import content_sha256
from recexplainer.errors import InputError
from recexplainer.registry.lookup import CONTENT_TAG
from recexplainer.registry.roles import package_of

if TYPE_CHECKING:
    import pandas as pd


def log_model_folder(folder: Path | str, role: str, dataset: str) -> str:
    """Log a model folder in the active run as an MLflow model from code, without pickle; return its id.

    The folder is copied: a DVC output is never registered in place. The served file may define SIGNATURE.
    """
    import mlflow

    package = Path(recexplainer.__file__).parent
    served = importlib.import_module(f"recexplainer.{package_of(role)}.served")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input example.*")
        info = mlflow.pyfunc.log_model(
            name=role,
            python_model=str(package / package_of(role) / "served.py"),
            artifacts={"model": str(Path(folder).resolve())},
            code_paths=[str(package)],
            pip_requirements=_requirements(package),
            signature=getattr(served, "SIGNATURE", None),
            tags={CONTENT_TAG: content_sha256(folder), "role": role, "dataset": dataset},
        )
    return str(info.model_id)


def fetch_model(uri: str) -> Path:
    """The folder, on this machine, of any model that MLflow keeps under ``models:/…`` or ``runs:/…``.

    Raises:
        InputError: when there is no such model, or it cannot be fetched.
    """
    tracking.connect()
    import mlflow

    try:
        return Path(mlflow.artifacts.download_artifacts(uri))
    except Exception as error:  # stores have no common base of errors
        raise InputError(f"{uri}: cannot be fetched from the tracking store: {tracking.redact(str(error))}") from error


def load_python_model(folder: Path | str) -> Callable[[pd.DataFrame], Any]:
    """Any pyfunc model as a function of a table; its code runs, also out of a pickle: for what the user named alone."""
    import mlflow

    with environment.variable("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true"):
        loaded: Callable[[pd.DataFrame], Any] = mlflow.pyfunc.load_model(str(folder)).predict
        return loaded


def download(name: str, version: str) -> Path:
    """The model folder of a registered version, on this machine.

    Raises:
        InputError: when it is not a model of this project.
    """
    import mlflow

    model = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}"))
    described = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8"))
    try:
        return model / described["flavors"]["python_function"]["artifacts"]["model"]["path"]
    except (KeyError, TypeError):
        raise InputError(f"registry: {name} version {version} is not a model of this project") from None


def _requirements(package: Path) -> list[str] | None:
    lock = package.parents[1] / "requirements.lock"
    if not lock.exists():
        return None
    lines = (line.split("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]
