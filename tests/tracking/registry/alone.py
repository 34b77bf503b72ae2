"""A registered model in a process that has nothing of this project but what the model brought along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow

CODE = """
import json, sys
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
import recexplainer
assert recexplainer.__file__.startswith(sys.argv[1]), recexplainer.__file__
frame = model.predict(pandas.DataFrame(json.loads(sys.argv[2])), params=json.loads(sys.argv[3]))
print(frame.to_json(orient="records"))
"""


def predict_alone(uri: str, rows: list[dict[str, Any]], params: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """What the model answers when it runs from another folder."""
    stored = mlflow.artifacts.download_artifacts(uri)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", CODE, stored, json.dumps(rows), json.dumps(params)]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers
