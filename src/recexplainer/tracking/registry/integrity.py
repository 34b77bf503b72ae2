"""Whether a stored model is still what was logged, file by file: its weights, and the code that runs when it is served.

The two have hashes of their own. `CONTENT_TAG` is what DVC tracks and evaluations depend on. `CODE_TAG` is of this
version alone: a changed docstring makes no model stale, and a version keeps the code that it was logged with.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from recexplainer.core.contents import content_sha256, file_hashes
from recexplainer.core.errors import InputError
from recexplainer.store import read_json, write_json

CODE_TAG = "code_sha256"
MANIFEST = "manifest.json"  # every file's hash, kept next to the weights; it names what was changed
SERVED, CODE = "served.py", "code"
LOADER = "mlflow.pyfunc.loaders.code_model"


def write_manifest(shipped: Path, weights: Path) -> str:
    """Write the hashes of a model to log into ``shipped``, which holds its code; return the code's."""
    code = _code_hashes(shipped)
    write_json(shipped / MANIFEST, {**code, **_weight_hashes(weights)})
    return _digest(code)


def weights_folder(model: Path) -> Path:
    """The folder of the weights in a stored model.

    Raises:
        InputError: when it is not a model of this project.
    """
    try:
        return model / _described(model)["artifacts"]["model"]["path"]
    except (KeyError, TypeError):
        raise InputError(f"registry: {model} is not a model of this project") from None


def changed_files(model: Path, content: str, code: str) -> list[str]:
    """The files of a stored model that differ from what was logged, are missing, or were added; [] when it is whole."""
    weights = weights_folder(model)
    hashes = _code_hashes(model)
    if not _serves(_described(model)):
        return ["MLmodel"]
    if content_sha256(weights) == content and _digest(hashes) == code:
        return []
    hashes |= _weight_hashes(weights)
    try:
        logged = read_json(weights.parent / MANIFEST)
    except InputError:
        return [MANIFEST]
    return sorted(name for name in {*hashes, *logged} if hashes.get(name) != logged.get(name)) or [MANIFEST]


def _serves(described: dict[str, Any]) -> bool:
    """Whether a stored model's description has MLflow run the served file and the code next to it, as it was logged."""
    served = Path(str(described.get("model_code_path"))).name  # MLflow keeps the path that it was logged from
    return (described.get("loader_module"), served, described.get("code")) == (LOADER, SERVED, CODE)


def _described(model: Path) -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8"))
    return described["flavors"]["python_function"]


def _code_hashes(folder: Path) -> dict[str, str]:
    """Of the served file and the code next to it; what Python compiles while it serves is left out."""
    code = {f"{CODE}/{name}": value for name, value in file_hashes(folder / CODE).items()}
    served = hashlib.sha256((folder / SERVED).read_bytes()).hexdigest()
    return {SERVED: served, **{name: value for name, value in code.items() if "/__pycache__/" not in name}}


def _weight_hashes(folder: Path) -> dict[str, str]:
    return {f"{folder.name}/{name}": value for name, value in file_hashes(folder).items()}


def _digest(hashes: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
