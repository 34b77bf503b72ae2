"""The indefinite article before what catalogues hold."""

import pytest

from recexplainer.core.words import article


@pytest.mark.parametrize(
    "words",
    [
        "Xbox One",
        "SNES",
        "FPS",
        "RPG",
        "NHL",
        "Action",
        "adventure",
        "IMAX",
        "Untitled",
        "X-Wing",
        "8-bit",
        "18th century",
    ],
)
def test_what_is_said_with_a_vowel_first(words: str) -> None:
    assert article(words) == "an"


@pytest.mark.parametrize(
    "words",
    [
        "LEGO",
        "Nintendo DS",
        "Role-Playing",
        "Sci-Fi",
        "Xylophone",
        "Sky",
        "Unique",
        "European",
        "One-shot",
        "PC",
        "X",
        "1800s",
        "180",
        "19th century",
        "",
    ],
)
def test_what_is_said_with_a_consonant_first(words: str) -> None:
    assert article(words) == "a"
