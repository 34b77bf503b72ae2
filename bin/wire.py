"""Write into dvc.yaml which of the package's code each stage imports: all of it, and nothing else.

A stage is stale when code that it imports has changed. Scaffolding is left out: it moves data about and does not make
them, and half of it changes with every new parameter. A folder stands for its modules where a stage imports them all.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from recexplainer.tracking.registry.shipping import imports as imported_names

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "recexplainer"
SCAFFOLDING = ("core.contents", "core.environment", "core.errors", "core.interruptions", "core.numerics")
SCAFFOLDING_ROOMS = ("core.settings", "store", "tracking", "serving")
WATCHING = ("alignment.validation",)  # draws curves while a model is trained, and changes none of its weights
DEP = "      - src/recexplainer"


def wired(text: str) -> str:
    """The text of dvc.yaml with the code of every stage; a stage that always runs needs none."""
    stages = re.split(r"(?m)^(?=  \w+:\n)", text)
    return "".join(_wired_stage(stage) for stage in stages)


def _wired_stage(text: str) -> str:
    found = re.match(r"  (\w+):\n", text)
    if not found or not (PACKAGE / "stages" / f"{found[1]}.py").is_file() or "always_changed: true" in text:
        return text
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(DEP)]
    place = lines.index("    deps:\n") + 1
    lines[place:place] = [f"      - {dep}\n" for dep in code_of(f"stages.{found[1]}")]
    return "".join(lines)


def code_of(stage: str) -> list[str]:
    """The files that a stage's module imports, as paths from the project's root, whole folders where it imports all."""
    needed = {modules()[name] for name in closure(stage)}
    folders = {folder for file in needed for folder in file.parents if PACKAGE in folder.parents}
    whole = {folder for folder in folders if set(folder.rglob("*.py")) <= needed}
    templates = {file.parent / "templates" for file in needed if (file.parent / "templates").is_dir()}
    kept = {next((folder for folder in reversed(file.parents) if folder in whole), file) for file in needed}
    kept |= {folder for folder in templates if folder.parent not in kept}
    first = modules()[stage]
    return [path.relative_to(ROOT).as_posix() for path in (first, *sorted(kept - {first}))]


def closure(module: str) -> set[str]:
    """A module and all it imports, directly or not, without scaffolding and watchers (and what only these import)."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen and name not in WATCHING and not is_scaffolding(name):
            seen.add(name)
            waiting += imports(name)
    return seen


def is_scaffolding(name: str) -> bool:
    """Whether a module moves data about and does not make them."""
    rooms = tuple(f"{room}." for room in SCAFFOLDING_ROOMS)
    return name in ("", "core", "stages", *SCAFFOLDING, *SCAFFOLDING_ROOMS) or name.startswith(rooms)


@cache
def modules() -> dict[str, Path]:
    """Dotted name inside the package → file; a package is its ``__init__``."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The package's modules that one module imports, wherever it does (not for type checking alone)."""
    names = {name.removeprefix("recexplainer").lstrip(".") for name in imported_names(modules()[module])
             if name.split(".")[0] == "recexplainer"}  # fmt: skip
    with_parents = {".".join(name.split(".")[: n + 1]) for name in names for n in range(len(name.split(".")))}
    return frozenset(name for name in with_parents if name in modules())


if __name__ == "__main__":
    file = ROOT / "dvc.yaml"
    file.write_text(wired(file.read_text(encoding="utf-8")), encoding="utf-8")
