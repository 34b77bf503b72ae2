from __future__ import annotations

import sys

from recexplainer.core.commands import output_of


def test_what_a_command_prints() -> None:
    assert output_of(sys.executable, "-c", "print('a\\nb')") == "a\nb"


def test_what_fails_is_not_there_or_takes_too_long_says_nothing() -> None:
    assert output_of(sys.executable, "-c", "print(1); raise SystemExit(3)") is None
    assert output_of("no-such-program-anywhere") is None
    assert output_of(sys.executable, "-c", "import time; time.sleep(60)", seconds=0.5) is None
