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
from recexplainer.tracking.registry.pulling import version_at


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
    """Make sure that DVC wrote the metrics file, from what the other stages wrote last and the model that the role's
    pointer names, and beside the version that its alias names today.

    Raises:
        InputError: when the file is not what dvc.lock names, was measured on something else, or compares with a version
            that its alias no longer names.
    """
    stages = _stages(lock)
    stage = next((s for s in stages.values() if any(out["path"] == metrics_file for out in s.get("outs", []))), None)
    if stage is None:
        raise InputError(f"{metrics_file}: no stage in {lock} writes it; run dvc repro first")
    written = {out["path"]: out.get("md5") for stage in stages.values() for out in stage.get("outs", [])}
    if dvc_md5(metrics_file) != written[metrics_file]:
        raise InputError(f"{metrics_file}: does not match {lock}; run dvc repro")
    pointer = store.pointer(role).as_posix()
    for dep in stage.get("deps", []):
        path, md5 = dep["path"], dep.get("md5")
        if path == pointer and md5 != dvc_md5(pointer):
            raise InputError(f"{metrics_file}: was measured on a different model than that of {pointer}; run dvc repro")
        if path in written and md5 != written[path]:
            raise InputError(f"{metrics_file}: was measured on a different {path} than that of {lock}; run dvc repro")
    _require_same_reference(metrics_file)


def _require_same_reference(metrics_file: str) -> None:
    """Refuse figures beside a version that its alias no longer names."""
    against = store.read_json(metrics_file).get("against")
    if not isinstance(against, Mapping) or not str(against.get("named")).startswith("models:/"):
        return
    named, measured = against["named"], str(against["version"])
    version = str(version_at(named)[1].version)
    if version != measured:
        raise InputError(
            f"{metrics_file}: compares with version {measured}, but {named} is version {version} now; run "
            "dvc repro -f -s audit"
        )


def _stages(lock: Path) -> dict[str, dict[str, Any]]:
    try:
        return (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    except FileNotFoundError:
        raise InputError(f"{lock}: no such file; run dvc repro first") from None
