"""The options by which a command takes its parameters: a file, and other values for some of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from recexplainer.settings import PARAMS_FILE, Settings, load_settings


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add ``-S`` and ``--params``."""
    parser.add_argument(
        "-S", dest="assignments", action="append", default=[], metavar="SECTION.KEY=VALUE",
        help="use another value for one parameter (repeatable)",
    )  # fmt: skip
    parser.add_argument("--params", type=Path, default=PARAMS_FILE, help="the file of parameters")


def given_settings(arguments: argparse.Namespace) -> Settings:
    """The settings that a command line with these options asks for.

    Raises:
        InputError: see `load_settings`.
    """
    return load_settings(arguments.params, arguments.assignments)
