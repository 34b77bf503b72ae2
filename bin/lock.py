"""Write the lock files and conda.yaml: exact versions, with hashes, for all platforms and Pythons.

The ranges are those of pyproject.toml; versions that are locked already stay while they fit (``--upgrade`` takes the
newest). torch is left out: its builds for CPU and CUDA differ by index, and need other packages
(docs/decisions/0008-lock-files.md). requirements-torch.lock pins it by hand.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from recexplainer.tracking.registry.shipping import pins

RUNTIME, DEVELOPMENT, TORCH = (Path(f"requirements{part}.lock") for part in ("", "-dev", "-torch"))
HEADS = {
    RUNTIME: "# What the package needs, but for torch (requirements-torch.lock); `make lock` writes this.\n",
    DEVELOPMENT: "# What tests, linters, docs and `make app` need beside requirements.lock; `make lock` writes this.\n",
}
CONDA_HEAD = """\
# The pins of requirements.lock and requirements-torch.lock; `make lock` writes this.
name: recexplainer
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def main() -> None:
    """Resolve and write; arguments go to ``uv pip compile``."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.lock"
        known.write_text("".join(file.read_text() for file in (RUNTIME, DEVELOPMENT) if file.is_file()))
        everything = _resolve(known, "--extra", "dev", "--extra", "app", *sys.argv[1:])
        runtime = _resolve(known, "--constraints", str(known))
    locks = {RUNTIME: runtime, DEVELOPMENT: [block for block in everything if block not in runtime]}
    for file, blocks in locks.items():
        file.write_text(HEADS[file] + "".join(blocks), encoding="utf-8")
    pip = sorted([*pins(RUNTIME), *pins(TORCH)], key=str.lower)
    Path("conda.yaml").write_text(CONDA_HEAD + "".join(f"      - {pin}\n" for pin in pip), encoding="utf-8")


def _resolve(known: Path, *options: str) -> list[str]:
    """What pyproject.toml asks for, with all that this needs: a block of lines per package. Written to `known`, too."""
    torch = known.with_name("torch.in")  # what every build of torch needs, and torch itself overridden away
    needed = [line for line in metadata.requires("torch") or [] if not re.match(r"nvidia|cuda|triton", line)]
    torch.write_text("\n".join(line for line in needed if "extra ==" not in line))
    nothing = known.with_name("override.txt")
    nothing.write_text("torch; python_version < '3'")
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "--override", str(nothing), *options]
    subprocess.run([*command, "pyproject.toml", str(torch), "--output-file", str(known)], check=True)
    return re.findall(r"^\S.*\n(?:    .*\n)*", known.read_text(), re.MULTILINE)


if __name__ == "__main__":
    main()
