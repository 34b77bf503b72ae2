"""Move an alias of the registry to another alias's version, when the gates in params.yaml hold."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from recexplainer import promotion, registry
from recexplainer.errors import ends_clearly
from recexplainer.settings import PARAMS_FILE, load_settings


@ends_clearly
def main(argv: list[str] | None = None) -> int:
    """Exit with 0 when the alias was moved, 1 when a gate did not hold, 2 for bad input."""
    arguments = _parser().parse_args(argv)
    settings = load_settings(arguments.params)
    gates = settings.promote.gates.get(arguments.role, [])
    failed, measured = promotion.failures(gates)
    for file in sorted({gate.metric.partition(":")[0] for gate in gates}):
        promotion.require_current(file, arguments.role)
    if failed:
        for line in failed:
            print(f"gate not held: {line}", file=sys.stderr)
        print(f"{arguments.role} stays where it is", file=sys.stderr)
        return 1
    done = registry.promote(
        arguments.role, settings.dataset.name, arguments.source, arguments.target, arguments.why, measured
    )
    print(f"{done}; {len(gates)} gate(s) held")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recexplainer.stages.promote", allow_abbrev=False)
    parser.add_argument("--role", required=True, help="for example explainer-both or recommender-sasrec")
    parser.add_argument("--from", dest="source", default=registry.WORKING_ALIAS, help="the alias to take it from")
    parser.add_argument("--to", dest="target", required=True, help="the alias to move, for example staging")
    parser.add_argument("--why", default="", help="kept with the version")
    parser.add_argument("--params", type=Path, default=PARAMS_FILE, help="the file of parameters")
    return parser


if __name__ == "__main__":
    sys.exit(main())
