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

LOCK = Path("dvc.lock")


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


def require_registered(role: str) -> None:
    """Make sure that a role's pointer is the one that its stage wrote last, of the model that was made last.

    Raises:
        InputError: when the model was made again and not registered, or the pointer is not what dvc.lock names.
    """
    stages, pointer = _stages(), store.pointer(role).as_posix()
    written = _written(stages)
    _require_written(pointer, written)
    for dep in _upstream(stages, pointer):
        if dep.get("md5") != written.get(dep["path"], dep.get("md5")):
            raise InputError(
                f"{pointer}: names a model of a different {dep['path']} than that of {LOCK}; run dvc repro"
            )


def require_current(metrics_file: str, role: str) -> None:
    """Make sure that DVC wrote the metrics file, from what the other stages wrote last and the model that the role's
    pointer names, and beside the version that its alias names today; for the pointer see `require_registered`.

    Raises:
        InputError: when the file is not what dvc.lock names, was measured on something else (also at a remove: judged
            texts of an older model), or compares with a version that its alias no longer names.
    """
    stages = _stages()
    stage = next((s for s in stages.values() if any(out["path"] == metrics_file for out in s.get("outs", []))), None)
    if stage is None:
        raise InputError(f"{metrics_file}: no stage in {LOCK} writes it; run dvc repro first")
    written = _written(stages)
    if dvc_md5(metrics_file) != written[metrics_file]:
        raise InputError(f"{metrics_file}: does not match {LOCK}; run dvc repro")
    pointer = store.pointer(role).as_posix()
    for dep in _upstream(stages, metrics_file):
        path, md5 = dep["path"], dep.get("md5")
        if path == pointer and md5 != dvc_md5(pointer):
            raise InputError(f"{metrics_file}: was measured on a different model than that of {pointer}; run dvc repro")
        if md5 != _last_written(path, written, md5):
            raise InputError(f"{metrics_file}: was measured on a different {path} than that of {LOCK}; run dvc repro")
    _require_same_reference(metrics_file)


def _written(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
    """The hash of every output, as its stage wrote it last."""
    return {out["path"]: out.get("md5") for stage in stages.values() for out in stage.get("outs", [])}


def _require_written(pointer: str, written: Mapping[str, str | None]) -> None:
    """Refuse a pointer that no stage wrote, as one of another recommender.kind, or of an older checkout."""
    output = next((path for path in written if _overlap(path, pointer)), None)
    if output is None:
        raise InputError(f"{pointer}: no stage in {LOCK} writes it; run dvc repro first")
    if dvc_md5(output) != written[output]:
        raise InputError(f"{pointer}: does not match {LOCK}; run dvc repro")


def _upstream(stages: Mapping[str, Mapping[str, Any]], path: str) -> list[dict[str, Any]]:
    """What a file was made of, at any remove: the dependencies of its stage, and of the stages that wrote these."""
    found: dict[str, Mapping[str, Any]] = {}
    waiting = [path]
    while waiting:
        place = waiting.pop()
        for name, stage in stages.items():
            if name not in found and any(_overlap(out["path"], place) for out in stage.get("outs", [])):
                found[name] = stage
                waiting += [dep["path"] for dep in stage.get("deps", [])]
    return [dep for stage in found.values() for dep in stage.get("deps", [])]


def _overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one is in the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _last_written(path: str, written: Mapping[str, str | None], read: str | None) -> str | None:
    """The hash of what the stages wrote last under a path; of a folder of several outputs what is there now.

    What no stage writes, or is a part of an output, counts as it was read.
    """
    if path not in written and any(out.startswith(f"{path}/") for out in written) and Path(path).is_dir():
        return dvc_md5(path)
    return written.get(path, read)


def _require_same_reference(metrics_file: str) -> None:
    """Refuse figures compared with a version that its alias no longer names."""
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


def _stages() -> dict[str, dict[str, Any]]:
    try:
        return (yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}).get("stages", {})
    except FileNotFoundError:
        raise InputError(f"{LOCK}: no such file; run dvc repro first") from None
