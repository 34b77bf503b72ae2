"""Other programs, asked for what they print."""

from __future__ import annotations

import subprocess


def output_of(*command: str, seconds: float = 60) -> str | None:
    """What a command prints; None where it cannot be run, fails, or takes longer."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
