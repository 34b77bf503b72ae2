from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import pytest

from recexplainer.tracking.registry import shipping
from recexplainer.tracking.registry.roles import SERVED
from tests.conftest import REPOSITORY

PACKAGES = sorted(set(SERVED.values()))
OF_DEVELOPERS = {"pytest", "pytest-timeout", "mypy", "ruff", "dvc", "dvc-data", "pandas-stubs", "openai", "hydra-core"}


@functools.cache
def pinned(package: str) -> list[str]:
    return shipping.requirements(shipping.closure(f"recexplainer.{package}.served")) or []


def named(package: str) -> set[str]:
    return {pin.partition("==")[0] for pin in pinned(package)}


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_the_code_that_is_shipped_runs_without_the_rest(tmp_path: Path, package: str) -> None:
    """All modules, imported in a fresh process that has nothing else of the project, imports in functions included."""
    shipping.copy_code(f"recexplainer.{package}.served", tmp_path)
    files = sorted(file.relative_to(tmp_path) for file in tmp_path.rglob("*.py"))
    modules = [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]
    assert f"recexplainer.{package}.served" in modules and len(files) < 160
    assert not [name for name in modules if name.startswith(("recexplainer.stages", "recexplainer.report"))]
    sources = [REPOSITORY / "src" / file for file in files]
    imported = {name for source in sources for name in shipping.imports(source) if name.startswith("recexplainer.")}
    code = f"""
import importlib, sys
sys.path.insert(0, {str(tmp_path)!r})
for name in {modules!r}: importlib.import_module(name)
for name in {sorted(imported)!r}:
    module, _, thing = name.rpartition(".")
    if not hasattr(importlib.import_module(module), thing): importlib.import_module(name)
assert all({str(tmp_path)!r} in str(m.__file__) for n, m in sys.modules.items() if n.startswith("recexplainer"))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_templates_go_along_with_the_code_that_reads_them() -> None:
    assert Path("recexplainer/prompting/templates/request.jinja") in shipping.closure("recexplainer.explaining.served")


def test_a_model_needs_what_its_code_imports_and_no_tools() -> None:
    lock = [pin for file in shipping.LOCKS for pin in shipping.pins(file)]
    for package in PACKAGES:
        assert set(pinned(package)) <= set(lock) and not named(package) & OF_DEVELOPERS
        assert {"mlflow", "torch", "numpy", "pandas", "safetensors"} <= named(package)
    assert {"transformers", "peft", "accelerate", "jinja2", "tokenizers"} <= named("explaining")
    assert "peft" not in named("discriminators") and "transformers" not in named("recommenders")


def test_without_the_lock_file_mlflow_finds_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shipping, "LOCKS", [tmp_path / "requirements.lock"])
    assert shipping.requirements([Path("recexplainer/core/errors.py")]) is None


def test_pins_are_read_without_their_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "# head\nnumpy==2.4.6 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
        "gunicorn==26.2.0 ; sys_platform != 'win32' \\\n    --hash=sha256:3\ntorch==2.13.0\n"
    )
    assert shipping.pins(lock) == ["numpy==2.4.6", "gunicorn==26.2.0 ; sys_platform != 'win32'", "torch==2.13.0"]


def test_imports_are_found_wherever_they_stand_but_for_type_checking(tmp_path: Path) -> None:
    source = tmp_path / "x.py"
    source.write_text(
        "import a.b\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import c\n"
        "def f():\n    from d.e import g, h\n    try:\n        import i\n    except ImportError: ...\n"
    )
    assert shipping.imports(source) == {"a.b", "typing.TYPE_CHECKING", "d.e.g", "d.e.h", "i"}
