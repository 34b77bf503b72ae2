"""Templates that users write."""

from __future__ import annotations

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment


def sandbox() -> ImmutableSandboxedEnvironment:
    """Where a template can neither reach out nor roll dice, and an unknown variable is an error."""
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.pop("lipsum")
    environment.filters.pop("random")
    return environment
