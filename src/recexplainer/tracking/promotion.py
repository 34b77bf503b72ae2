"""The gates of a promotion: conditions on metrics files, and whether they describe the model at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from recexplainer import store
from recexplainer.core.contents import dvc_md5
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Gate


def failures(gates: Sequence[Gate]) -> tuple[list[str], dict[str, float]]:
    """Judge every gate; return what did not hold, in words, and all measured values.

    Raises:
        InputError: when a metrics file or a key in it is missing.
    """
    failed, measured = [], {}
    for gate in gates:
        value = measured[gate.metric] = metric(gate.metric)
        if gate.at_least is not None and not value >= gate.at_least:
            failed.append(f"{gate.metric} is {value:.4g}, but the gate needs at least {gate.at_least:g}")
        if gate.at_most is not None and not value <= gate.at_most:
            failed.append(f"{gate.metric} is {value:.4g}, but the gate allows at most {gate.at_most:g}")
    return failed, measured


def metric(name: str) -> float:
    """Read one number: ``<file>:<dotted key>``, where a key of the file may itself hold dots."""
    file, colon, key = name.partition(":")
    if not colon:
        raise InputError(f"params: promote.gates: {name!r} must be <metrics file>:<dotted key>")
    value = _find(store.read_json(file), key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{file}: has no number {key!r}, which a gate in promote.gates needs")
    return float(value)


def _find(values: Any, key: str) -> Any:
    if not isinstance(values, Mapping):
        return None
    if key in values:
        return values[key]
    for name, inner in values.items():
        if key.startswith(f"{name}."):
            found = _find(inner, key[len(name) + 1 :])
            if found is not None:
                return found
    return None


def require_current(metrics_file: str, role: str, lock: Path = Path("dvc.lock")) -> None:
    """Make sure that DVC wrote the metrics file, and from the model that the role's pointer names.

    Raises:
        InputError: when the file is not what dvc.lock names, or was measured on another model.
    """
    stage = _stage_of(metrics_file, lock)
    outs = {out["path"]: out.get("md5") for out in stage.get("outs", [])}
    if dvc_md5(metrics_file) != outs[metrics_file]:
        raise InputError(f"{metrics_file}: is not what {lock} names; run dvc repro")
    pointer = store.pointer(role).as_posix()
    for dep in stage.get("deps", []):
        if dep["path"] == pointer and dep.get("md5") != dvc_md5(pointer):
            raise InputError(f"{metrics_file}: was measured on another model than {pointer} names; run dvc repro")


def _stage_of(metrics_file: str, lock: Path) -> dict[str, Any]:
    try:
        stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    except FileNotFoundError:
        raise InputError(f"{lock}: no such file; run dvc repro first") from None
    for stage in stages.values():
        if any(out["path"] == metrics_file for out in stage.get("outs", [])):
            return dict(stage)
    raise InputError(f"{metrics_file}: {lock} names no stage that writes it; run dvc repro first")
