"""Model folders in the tracking store, logged as MLflow models from code."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from recexplainer.core.contents import content_sha256
from recexplainer.tracking import runs
from recexplainer.tracking.lineage import CONTENT_TAG
from recexplainer.tracking.registry.integrity import CODE, CODE_TAG, MANIFEST, SERVED, write_manifest
from recexplainer.tracking.registry.roles import package_of
from recexplainer.tracking.registry.shipping import closure, copy_code, requirements

if TYPE_CHECKING:
    import pandas as pd


def log_model_folder(folder: Path | str, role: str, dataset: str) -> str:
    """Log a model folder in the active run as an MLflow model from code, without pickle; return its id.

    The folder is copied: a DVC output is never registered in place. With it go the served file, which may define
    SIGNATURE and `input_example`, the code that this imports, and the hashes of all of them.
    """
    import mlflow

    module = f"recexplainer.{package_of(role)}.served"
    weights = Path(folder).resolve()
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input example.*")
        shipped = Path(temporary)
        served = importlib.import_module(module)
        shutil.copyfile(str(served.__file__), shipped / SERVED)
        copy_code(module, shipped / CODE)
        code = write_manifest(shipped, weights)
        with runs.waiting(f"uploading {role}"):
            info = mlflow.models.Model.log(
                name=role,
                artifact_path=None,
                flavor=SimpleNamespace(save_model=_save),
                flavor_name="pyfunc",
                python_model=str(shipped / SERVED),
                artifacts={"model": str(weights), "manifest": str(shipped / MANIFEST)},
                code_paths=[str(path) for path in (shipped / CODE).iterdir()],
                pip_requirements=requirements(closure(module)),
                signature=getattr(served, "SIGNATURE", None),
                input_example=_input_example(served, weights),
                validate_serving_input=False,
                tags={CONTENT_TAG: content_sha256(folder), CODE_TAG: code, "role": role, "dataset": dataset},
            )
    return str(info.model_id)


def _save(validate_serving_input: bool, **given: Any) -> None:
    """Save a pyfunc model; MLflow does not ask it the input example then, for which it would load the model again."""
    import mlflow

    mlflow.pyfunc.save_model(**given)


def _input_example(served: Any, weights: Path) -> pd.DataFrame | None:
    make = getattr(served, "input_example", None)
    return None if make is None else make(weights)
