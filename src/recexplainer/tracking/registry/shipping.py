"""What a served model takes along: the code that its served file imports, and the packages that this code imports.

Imports are read from the source, anywhere in it, except those for type checking alone.
"""

from __future__ import annotations

import ast
import functools
import shutil
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import recexplainer

PACKAGE = Path(recexplainer.__file__).parent
LOCKS = [PACKAGE.parents[1] / name for name in ("requirements.lock", "requirements-torch.lock")]


def closure(module: str) -> list[Path]:
    """The files of this package that a module imports, directly or not, its own and data files (templates) included.

    Args:
        module: Its full name, as in ``recexplainer.explaining.served``.

    Returns:
        Paths relative to the folder that holds the package, in order.
    """
    seen: set[str] = set()
    files: set[Path] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        file = _file(name)
        if name in seen or file is None:
            continue
        seen.add(name)
        files |= {file, *(_data_files(file.parent) if file.name == "__init__.py" else ())}
        waiting |= {part for imported in imports(file) for part in _with_parents(imported)}
    return sorted(file.relative_to(PACKAGE.parent) for file in files)


def copy_code(module: str, folder: Path) -> None:
    """Copy a module's `closure` below a folder."""
    for file in closure(module):
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE.parent / file, target)


def requirements(files: Iterable[Path]) -> list[str] | None:
    """The locked versions that code needs: of the packages that it imports, and of those that they need.

    None where this package is used without its lock files.
    """
    if not all(lock.is_file() for lock in LOCKS):
        return None
    sources = [PACKAGE.parent / file for file in files if file.suffix == ".py"]
    names = {name.partition(".")[0] for source in sources for name in imports(source)} - {PACKAGE.name}
    provided = _packages()
    needed = _with_dependencies({package for name in names for package in provided.get(name, [])})
    locked = [pin for lock in LOCKS for pin in pins(lock)]
    return [pin for pin in locked if canonicalize_name(pin.partition("==")[0]) in needed]


@functools.cache
def _packages() -> Mapping[str, list[str]]:
    """The installed distributions that provide each top-level module."""
    return metadata.packages_distributions()


def pins(lock: Path) -> list[str]:
    """The lines of a lock file without their hashes: ``numpy==2.4.6``, some with the platforms that they are for."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.rstrip(" \\") for line in lines if line[:1].isalnum()]


@functools.cache
def imports(file: Path) -> frozenset[str]:
    """The full names of the modules, or of things in them, that a source file imports when it runs."""
    found: set[str] = set()
    for node in _runtime_nodes(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _runtime_nodes(child)


def _with_parents(name: str) -> list[str]:
    """``a.b`` → ``a``, ``a.b``: importing a module runs the packages above it."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _file(module: str) -> Path | None:
    """The source of a module of this package; None for what is none."""
    root, *parts = module.split(".")
    place = PACKAGE.joinpath(*parts)
    files = [place / "__init__.py", place.with_suffix(".py")] if root == PACKAGE.name else []
    return next((file for file in files if file.is_file()), None)


def _data_files(package: Path) -> Iterator[Path]:
    """What else a package holds, also in folders that are not packages themselves."""
    for path in package.iterdir():
        if path.is_file() and path.suffix != ".py":
            yield path
        elif path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            yield from (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _with_dependencies(packages: set[str]) -> set[str]:
    """Installed packages and all that they need here, by their canonical names."""
    seen: set[str] = set()
    waiting = {(package, "") for package in packages}
    while waiting:
        package, extra = waiting.pop()
        key = f"{canonicalize_name(package)}[{extra}]"
        if key in seen:
            continue
        seen.add(key)
        try:
            declared = [Requirement(line) for line in metadata.requires(package) or []]
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        for needed in declared:
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting |= {(needed.name, wanted) for wanted in ("", *needed.extras)}
    return {key.partition("[")[0] for key in seen}
