"""An alias is moved, and why is kept with the version."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

from recexplainer.core import environment
from recexplainer.core.errors import InputError
from recexplainer.tracking import runs
from recexplainer.tracking.naming import clean
from recexplainer.tracking.registry.pulling import pull
from recexplainer.tracking.registry.roles import WORKING_ALIAS
from recexplainer.tracking.registry.versions import alias_version


def promote(
    role: str,
    dataset: str,
    source: str,
    target: str,
    why: str = "",
    measured: Mapping[str, float] | None = None,
) -> str:
    """Move the alias ``target`` to the version that ``source`` names; return what was done, in words.

    The version must have the content that the role's pointer names, since the gates' metrics describe that one, and its
    files must be whole.
    Who, when, from where, why and the value of each gate are kept as the version's tags.

    Raises:
        InputError: for an unknown or reserved alias, another content, or damaged files.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", target) or re.fullmatch(r"latest|v\d+", target, re.IGNORECASE):
        raise InputError(f"registry: {target!r} is not an alias; use a word, not 'latest' or 'v1'")
    if target == WORKING_ALIAS:
        raise InputError(f"registry: the alias {WORKING_ALIAS!r} is moved only by the pipeline (dvc repro)")
    model, client = pull(role, dataset, source), runs.connect()
    name, version = model.name, model.version
    with environment.exclusive("registry"):
        before = alias_version(client, name, target)
        tags = {
            "by": runs.user(),
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "from": source,
            "replaced": f"version {before}" if before else "nothing",
            "why": runs.redact(why) or "not said",
            **{f"gate.{clean(metric)}": f"{value:.4g}" for metric, value in (measured or {}).items()},
        }
        for key, value in tags.items():
            client.set_model_version_tag(name, version, f"promoted.{target}.{key}", value)
        client.set_registered_model_alias(name, target, version)
    return f"{name}: {target} is now version {version} (from {source}; before: {tags['replaced']})"
