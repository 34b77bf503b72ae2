"""Presets: files of params/ that set some parameters together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from recexplainer.core.commands import output_of
from recexplainer.core.errors import InputError
from recexplainer.core.settings import PARAMS_FILE, parse_settings, read_params
from recexplainer.store.atomic import atomic_path
from recexplainer.store.texts import read_text

_NULL = "tag:yaml.org,2002:null"


def preset_names() -> list[str]:
    """The presets that there are: files of params/, without their ending.

    Raises:
        InputError: There are none here.
    """
    if found := sorted(path.stem for path in Path("params").glob("*.yaml")):
        return found
    raise InputError("params: holds no presets; run this in the project's root")


def use_preset(name: str, raw: str = "") -> None:
    """Merge a preset into params.yaml and keep the comments there.

    Args:
        name: Of a file in params/, without its ending.
        raw: The folder of the raw files, for `dataset.raw`; "" leaves what the preset says.

    Raises:
        InputError: There is no such preset, or params.yaml does not fit with it; then nothing is written.
    """
    if name not in (presets := preset_names()):
        raise InputError(f"NAME must be one of {', '.join(presets)}: recexplainer preset NAME [FOLDER]")
    changes = _comment_keeping_yaml().load(Path(f"params/{name}.yaml").read_text(encoding="utf-8"))
    if raw:
        merge(changes, {"dataset": {"raw": raw}})
    change_parameters(changes)
    forget_committed_metrics()


def forget_committed_metrics() -> set[str]:
    """Delete, and return, the metrics that are as git has them: a reference run's, of other data and settings.

    A report made before all stages have run would show them as one's own. Metrics that git has not stay.
    """
    of_git, differing = _git_lists("ls-files"), _git_lists("diff", "--name-only", "--relative", "HEAD")
    if of_git is None or differing is None:
        return set()
    unchanged = of_git - differing
    for name in unchanged:
        Path(name).unlink(missing_ok=True)
    return unchanged


def _git_lists(*arguments: str) -> set[str] | None:
    """What a git command says of the metrics files, by line; None without git, a repository or a commit."""
    said = output_of("git", *arguments, "--", "metrics/*.json")
    return None if said is None else set(said.splitlines())


def change_parameters(changes: dict[str, Any]) -> None:
    """Merge changes into params.yaml and keep the comments there.

    Raises:
        InputError: There is no params.yaml, or it does not fit with them; then nothing is written.
    """
    yaml = _comment_keeping_yaml()
    values = yaml.load(read_text(PARAMS_FILE))
    merge(values, changes)
    with atomic_path(PARAMS_FILE) as temporary:
        with temporary.open("w", encoding="utf-8") as file:
            yaml.dump(values, file)
        parse_settings(read_params(temporary), str(PARAMS_FILE))


def merge(values: Any, changes: Any) -> None:
    """Change nested values in place."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            merge(values[key], value)
        else:
            values[key] = value


def _comment_keeping_yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)  # as params.yaml is written
    yaml.representer.add_representer(type(None), lambda writer, _: writer.represent_scalar(_NULL, "null"))
    return yaml
