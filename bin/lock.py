"""Write requirements.lock and conda.yaml from the packages that are installed in this Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Left out: what pip itself needs, and what the CUDA build of torch brings along.
LEFT_OUT = re.compile(r"(?i)pip|pip-tools|build|pyproject_hooks|wheel|setuptools|triton|nvidia-.*|cuda-.*")
LOCK_HEAD = """\
# Every package of the environment; `make lock` writes this. torch has no local version, so that pip takes the
# build of the machine's own index: CPU or CUDA.
"""
CONDA_HEAD = """\
# The pins of requirements.lock, so that conda, uv and pip make the same environment; `make lock` writes both.
name: recexplainer
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def main() -> None:
    """Freeze, clean and write."""
    command = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pins = [pin.split("+")[0] for pin in frozen if not LEFT_OUT.fullmatch(pin.split("==")[0])]
    pins.sort(key=str.lower)
    Path("requirements.lock").write_text(LOCK_HEAD + "".join(f"{pin}\n" for pin in pins), encoding="utf-8")
    Path("conda.yaml").write_text(CONDA_HEAD + "".join(f"      - {pin}\n" for pin in pins), encoding="utf-8")


if __name__ == "__main__":
    main()
