"""Merge a preset of params/ into params.yaml, keeping its comments: python bin/preset.py NAME [RAW]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from recexplainer import store
from recexplainer.errors import InputError, ends_clearly
from recexplainer.settings import load_settings

_NULL = "tag:yaml.org,2002:null"


def merge(values: Any, changes: Any) -> None:
    """Change nested values in place."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            merge(values[key], value)
        else:
            values[key] = value


@ends_clearly
def main(arguments: list[str]) -> int:
    """Write params.yaml; refuse a preset that does not exist or does not fit."""
    presets = sorted(path.stem for path in Path("params").glob("*.yaml"))
    if not arguments or arguments[0] not in presets:
        raise InputError(f"NAME must be one of {', '.join(presets)}: make preset NAME=… RAW=folder")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.representer.add_representer(type(None), lambda writer, _: writer.represent_scalar(_NULL, "null"))
    values = yaml.load(Path("params.yaml").read_text(encoding="utf-8"))
    merge(values, yaml.load(Path(f"params/{arguments[0]}.yaml").read_text(encoding="utf-8")))
    if len(arguments) > 1 and arguments[1]:
        values["dataset"]["raw"] = arguments[1]
    with store.atomic_path(Path("params.yaml")) as temporary:
        with temporary.open("w", encoding="utf-8") as file:
            yaml.dump(values, file)
        load_settings(temporary)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
