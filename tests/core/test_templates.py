"""What a user's template cannot do."""

from __future__ import annotations

import pytest
from jinja2 import TemplateError

from recexplainer.core.templates import sandbox


@pytest.mark.parametrize(
    "text", ["{{ unknown }}", "{{ lipsum() }}", "{{ [1, 2] | random }}", "{{ ().__class__.mro() }}"]
)
def test_it_can_neither_reach_out_nor_roll_dice(text: str) -> None:
    with pytest.raises(TemplateError):
        sandbox().from_string(text).render()
