"""The process around a stage: variables, its root, the tracking store, locks, the calling repro.

Nothing here imports MLflow, so that it is cheap to ask.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from recexplainer.core.errors import InputError

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_MODEL_CATALOG_URI": "",  # unset, MLflow asks a server and stalls where the network is closed
    "MLFLOW_GENAI_EVAL_MAX_WORKERS": "4",  # ten workers exhaust SQLite's pool
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "TOKENIZERS_PARALLELISM": "false",
}
FSDP, DEEPSPEED = "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"  # what accelerate launch sets
SHARDED_VARIABLE = "RECEXPLAINER_SHARDED_LLM"
LOCK_SECONDS = 600.0  # how long a process waits for another one's turn to end
PARENT_RUN_VARIABLE = "RECEXPLAINER_PARENT_RUN_ID"


def set_quiet_environment() -> None:
    """Set what keeps MLflow and DVC local and quiet; what the user has set stays."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    """Set one variable, and set it back."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def n_processes() -> int:
    """How many processes work together: those that `accelerate launch` or `torchrun` started; 1 without them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def process_number() -> int:
    """Which of them this one is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_main_process() -> bool:
    """Whether this one tracks and writes for all of them."""
    return process_number() == 0


def llm_is_sharded() -> bool:
    """Whether each of the processes holds a part of the LLM's weights (FSDP2), and not all of them."""
    return n_processes() > 1 and SHARDED_VARIABLE in os.environ


def join_processes() -> None:
    """Let the processes of a launch find each other, and give each its GPU where there are several.

    A launch with FSDP only says that the LLM is sharded: transformers shards it while it is loaded, and accelerate,
    which would shard it again together with what is trained, must not know.

    Raises:
        InputError: The launch asks for DeepSpeed.
    """
    if os.environ.get(DEEPSPEED, "").lower() == "true":
        raise InputError(
            "accelerate: DeepSpeed is not supported; launch with --config_file params/accelerate/fsdp.yaml to shard "
            "the LLM's weights, or params/accelerate/ddp.yaml where each GPU can hold all of them"
        )
    if os.environ.pop(FSDP, "").lower() == "true":
        os.environ[SHARDED_VARIABLE] = "true"
    if n_processes() > 1:
        from accelerate import PartialState

        PartialState()


def project_root() -> Path:
    """The working folder, or the project that a ``dvc exp run --temp`` copy of it was made from."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if folder.parent.name == "exps" and folder.parent.parent.name == "tmp" and folder.parents[2].name == ".dvc":
            return folder.parents[3]
    return here


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or SQLite in the project's root; always absolute."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not given:
        return f"sqlite:///{project_root() / 'mlflow.db'}"
    scheme, found, path = given.partition(":///")
    if found and scheme.startswith("sqlite") and path and not path.startswith("/"):
        return f"{scheme}:///{project_root() / path}"
    return given


def sqlite_file(uri: str) -> Path | None:
    """The database file of an SQLite tracking store, or None for any other store."""
    scheme, found, path = uri.partition(":///")
    return Path(path) if found and scheme.startswith("sqlite") and path else None


def artifact_root(uri: str) -> str | None:
    """Where a local store's experiments keep their artefacts (absolute); None leaves it to the server."""
    file = sqlite_file(uri)
    return None if file is None else (file.resolve().parent / "mlruns").as_uri()


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Be the only one within it, of the processes of this machine that use the same tracking store.

    Raises:
        InputError: Another process does not end its turn.
    """
    digest = hashlib.sha256(f"{os.getuid()}:{tracking_uri()}:{name}".encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir()) / f"recexplainer-{name}-{digest}.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise InputError(
            f"{lock.lock_file}: another process has held this lock for {LOCK_SECONDS:g} seconds; let it finish, or end "
            "it, and run this again"
        ) from None
    try:
        yield
    finally:
        lock.release()


def given_parent() -> str:
    """The run that the caller opened for the runs of its stages; "" where it opened none."""
    return os.environ.get(PARENT_RUN_VARIABLE, "").strip()


def calling_repro() -> str | None:
    """Identify the ``dvc repro`` (or ``dvc exp run``) that called this process: ``<pid>-<start time>``."""
    import psutil

    try:
        ancestors = psutil.Process().parents()
    except psutil.Error:
        return None
    for process in reversed(ancestors):
        try:
            words = process.cmdline()
            if _is_dvc(words):
                return f"{process.pid}-{int(process.create_time() * 1000)}"
        except psutil.Error:
            continue
    return None


def _is_dvc(words: list[str]) -> bool:
    """Whether a command line is DVC's own: ``dvc …``, ``python …/bin/dvc …`` or ``python -m dvc …``."""
    for place, word in enumerate(words[:4]):
        script = Path(word).name in ("dvc", "dvc.exe")
        if (script and (place == 0 or words[place - 1] == "-m" or os.sep in word)) and place + 1 < len(words):
            return any(command in words[place + 1 :] for command in ("repro", "exp", "experiments"))
    return False
