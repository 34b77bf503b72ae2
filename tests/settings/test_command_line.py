from __future__ import annotations

import argparse
from pathlib import Path

from recexplainer.settings import load_settings
from recexplainer.settings.command_line import add_parameters, given_settings


def test_the_options_name_a_file_and_other_values(empty_project: Path) -> None:
    parser = argparse.ArgumentParser()
    add_parameters(parser)
    assert given_settings(parser.parse_args([])) == load_settings()
    Path("params.yaml").rename("own.yaml")
    words = ["--params", "own.yaml", "-S", "run.seed=3", "-S", "run.threads=2"]
    run = given_settings(parser.parse_args(words)).run
    assert (run.seed, run.threads) == (3, 2)
