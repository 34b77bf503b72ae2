"""Move a registry alias to the version of another alias if the gates in params.yaml pass."""

from __future__ import annotations

import sys

from recexplainer import store
from recexplainer.core.settings import Settings
from recexplainer.tracking import promotion, registry
from recexplainer.tracking.runs import name_given_run


def promote_role(settings: Settings, role: str, source: str, target: str, why: str) -> int:
    """Move an alias; return 0 when it was moved, 1 when a gate did not hold.

    Args:
        settings: Holds the gates.
        role: For example explainer-both.
        source: The alias to take the version from.
        target: The alias to move.
        why: Kept with the version.

    Raises:
        InputError: The role is unknown or has no pointer, a metrics file is missing or outdated, or the registry does
            not hold the version.
    """
    with name_given_run("promote", settings, {"role": role}, str(__doc__)):
        return _promote_role(settings, role, source, target, why)


def _promote_role(settings: Settings, role: str, source: str, target: str, why: str) -> int:
    registry.registered_name(settings.dataset.name, role)  # refuses an unknown role
    store.read_pointer(role)
    gates = settings.promote.gates.get(role, [])
    failed, measured = promotion.failures(gates)
    for file in sorted({gate.metric.partition(":")[0] for gate in gates}):
        promotion.require_current(file, role)
    if gates or promotion.LOCK.exists():  # without DVC there is nothing to compare the pointer with
        promotion.require_registered(role)
    if failed:
        for line in failed:
            print(f"gate failed: {line}", file=sys.stderr)
        print(f"{role} is not promoted", file=sys.stderr)
        return 1
    checked = f"{len(gates)} gate(s) passed" if gates else f"promote.gates has none for {role}: no figure was checked"
    print(f"{registry.promote(role, settings.dataset.name, source, target, why, measured)}; {checked}")
    return 0
