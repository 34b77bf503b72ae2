"""The lock files: complete, hashed, within pyproject.toml's ranges, and the same as conda's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from recexplainer.tracking.registry.shipping import pins
from tests.conftest import REPOSITORY

RUNTIME, DEVELOPMENT, TORCH = (REPOSITORY / f"requirements{part}.lock" for part in ("", "-dev", "-torch"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def versions(lock: Path) -> dict[str, str]:
    """Canonical name → locked version."""
    requirements = [Requirement(pin) for pin in pins(lock)]
    return {canonicalize_name(found.name): str(found.specifier).removeprefix("==") for found in requirements}


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=["runtime", "dev"])
def test_every_pin_has_hashes_and_none_is_of_a_build_of_torch(lock: Path) -> None:
    blocks = re.findall(r"^[a-z0-9]\S*==.*\n(?:    .*\n)*", lock.read_text(), re.MULTILINE)
    assert len(blocks) == len(pins(lock)) > 20
    assert not [block for block in blocks if "--hash=sha256:" not in block]
    assert not [name for name in versions(lock) if re.match(r"torch$|nvidia|triton|cuda", name)]


def test_torch_is_pinned_for_every_build() -> None:
    assert [re.fullmatch(r"torch==\d+(\.\d+)+", pin) is not None for pin in pins(TORCH)] == [True]


def test_locked_versions_are_within_the_ranges_of_the_package() -> None:
    locked = versions(RUNTIME) | versions(TORCH)
    outside = [line for line in PROJECT["dependencies"] if not allowed(Requirement(line), locked)]
    locked |= versions(DEVELOPMENT)
    outside += [line for line in PROJECT["optional-dependencies"]["dev"] if not allowed(Requirement(line), locked)]
    assert outside == [], "run make lock"


def test_development_adds_to_the_runtime_and_repeats_nothing() -> None:
    assert not set(pins(DEVELOPMENT)) & set(pins(RUNTIME))
    assert {"pytest", "ruff", "mypy"} <= set(versions(DEVELOPMENT)) - set(versions(RUNTIME))


def test_conda_makes_the_same_environment() -> None:
    conda = yaml.safe_load((REPOSITORY / "conda.yaml").read_text())["dependencies"]
    assert sorted(conda[-1]["pip"]) == sorted([*pins(RUNTIME), *pins(TORCH)])


def test_the_pythons_that_are_named_are_those_that_are_admitted() -> None:
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: Python :: 3." in line]
    admitted = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert named == [f"3.{minor}" for minor in range(30) if f"3.{minor}.1" in admitted]


def test_the_workflow_runs_what_ci_runs_on_every_python() -> None:
    job = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())["jobs"]["check"]
    assert [f"Programming Language :: Python :: {version}" for version in job["strategy"]["matrix"]["python"]] == [
        line for line in PROJECT["classifiers"] if ":: Python :: 3." in line
    ]
    assert "sh .ci/run" in [step.get("run") for step in job["steps"]]


def allowed(requirement: Requirement, locked: dict[str, str]) -> bool:
    return locked.get(canonicalize_name(requirement.name), "") in requirement.specifier
