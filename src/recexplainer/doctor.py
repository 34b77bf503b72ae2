"""Is everything there that the pipeline needs? One check each, one line each."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from recexplainer import store
from recexplainer.core.commands import output_of
from recexplainer.core.errors import InputError
from recexplainer.core.settings import ApiModel, Settings, load_settings

TIMEOUT_SECONDS = 10.0
LEAST_FREE_GB = 5.0


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    text: str
    is_wrong: bool = False

    def __str__(self) -> str:
        return f"{'!!' if self.is_wrong else 'ok'}  {self.name:<16} {self.text}"


def examine(params: Path) -> list[Finding]:
    """Make every check; those of what params.yaml names are left out when it cannot be read."""
    findings = [_made(name, check) for name, check in _MACHINE.items()]
    try:
        settings = load_settings(params)
    except InputError as error:
        return [*findings, Finding("parameters", str(error), is_wrong=True)]
    findings.append(Finding("parameters", f"{params}, data set {settings.dataset.name}"))
    return findings + [_made(name, lambda check=check: check(settings)) for name, check in _NAMED.items()]  # type: ignore[misc]


def _made(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, check())
    except InputError as error:
        return Finding(name, str(error), is_wrong=True)


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{version} ({sys.executable})"


def _packages() -> str:
    wrong = list(unmet_requirements("recexplainer"))
    if wrong:
        raise InputError(f"{'; '.join(wrong)}: run make setup")
    return f"recexplainer {importlib.metadata.version('recexplainer')} and all its requirements"


def unmet_requirements(package: str) -> Iterator[str]:
    """What an installed package requires and this environment does not hold, extras left out."""
    try:
        required = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        yield f"{package} is not installed"
        return
    for requirement in map(Requirement, required):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{requirement.name} is not installed"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} is {version}, but {requirement.specifier} is required"


def _git() -> str:
    if output_of("git", "rev-parse", "--git-dir") is None:
        raise InputError("this folder is not a git repository, which DVC needs: run git init, or install git")
    return output_of("git", "rev-parse", "--short", "HEAD") or "a repository without commits"


def _disk() -> str:
    place = os.statvfs(".")
    free = place.f_bavail * place.f_frsize / 1e9
    if free < LEAST_FREE_GB:
        raise InputError(f"only {free:.1f} GB free here; a pipeline run may need more")
    return f"{free:.0f} GB free"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}, {memory:.0f} GiB"
    if torch.version.cuda and Path("/dev/nvidiactl").exists():
        raise InputError("torch cannot use the NVIDIA GPU: is the driver older than torch's CUDA?")
    hint = "; to use the GPU here, install torch's CUDA build" if Path("/dev/nvidiactl").exists() else ""
    return f"no GPU, torch {torch.__version__} uses {os.cpu_count()} CPU cores{hint}"


def _tasks(settings: Settings) -> str:
    from recexplainer.tasks import NAMES, check_tasks

    check_tasks(settings)
    return f"{len(NAMES)} known, {len(settings.evaluate_alignment.tasks)} measured"


def _data(settings: Settings) -> str:
    raw = Path(settings.dataset.raw)
    if raw.exists():
        return str(raw)
    if raw == store.RAW_DEMO:
        return f"{raw} (generate_demo writes it)"
    raise InputError(f"dataset.raw: {raw} does not exist")


def _tracking(settings: Settings) -> str:
    from recexplainer.core import environment
    from recexplainer.tracking import runs

    runs.connect()
    return str(runs.redact(environment.tracking_uri()))


def _remote(settings: Settings) -> str:
    listed = output_of(sys.executable, "-m", "dvc", "remote", "list")
    if listed is None:
        raise InputError("dvc does not work here: run dvc doctor")
    if not listed:
        return "none: data and models stay on this machine"
    name, address = listed.splitlines()[0].split()[:2]
    if address.startswith("/") and not Path(address).is_dir():
        raise InputError(f"remote {name}: {address} is not a folder; mount it or create it")
    return f"{name}: {address}"


def _llm(settings: Settings) -> str:
    from transformers import AutoConfig

    llm = settings.llm
    try:
        config = AutoConfig.from_pretrained(llm.base, revision=llm.revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"llm.base: {llm.base}: {str(error).splitlines()[0]}") from None
    folder = Path(llm.base)
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        raise InputError(f"llm.base: {llm.base} has no weights in safetensors")
    return f"{llm.base} ({config.model_type})"


def _api(settings: Settings) -> str:
    asked = list(_asked_models(settings))
    if not asked:
        return "no stage uses a model behind an API"
    return ", ".join(_endpoints(chosen) for chosen in asked)


def _asked_models(settings: Settings) -> Iterator[ApiModel]:
    if settings.judge.backend == "api":
        yield settings.judge
    if settings.summaries.author == "api":
        yield settings.summaries
    if "api" in settings.evaluate_baselines.in_context.answerers:
        yield settings.evaluate_baselines.in_context


def _endpoints(chosen: ApiModel) -> str:
    import asyncio

    import openai

    from recexplainer.api.endpoints import Secrets, read_endpoints

    section, model = chosen.section, chosen.model
    if not model:
        raise InputError(f"params: {section}.model must name the server's model")
    secrets = Secrets()

    async def ask() -> None:
        for endpoint in read_endpoints(chosen.base_url, model, os.environ, section):
            async with endpoint.client(TIMEOUT_SECONDS, secrets) as client:
                await client.models.list()

    try:
        asyncio.run(ask())
    except openai.OpenAIError as error:
        raise InputError(f"{section}: {chosen.base_url or 'OpenAI'}: {secrets.hide(str(error))}") from None
    return f"{section}: {chosen.base_url or 'OpenAI'} answers"


_MACHINE = {"python": _python, "packages": _packages, "git": _git, "disk": _disk, "device": _device}
_NAMED = {"tasks": _tasks, "data": _data, "tracking store": _tracking, "dvc remote": _remote, "llm": _llm, "api": _api}
