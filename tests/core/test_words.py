"""The indefinite article before what catalogues hold."""

import pytest

from recexplainer.core.words import article, certain_article

WITH_AN = """Xbox One; SNES; FPS; RPG; RPGs; NPCs; NHL; MMORPG; MMO; NBA; NCAA; HBO; HDMI; MRI; LED; SUV; FAQ; HIV;
MBA; X-Wing; F-Zero; R&B/Soul; L.A. Noire; S.T.A.L.K.E.R.; Action; adventure; IMAX; Untitled;
Unidentified; 8-bit; 18th century; $80; "Alien"; Écran; Heirloom; Honest; Hourly; NVMe"""
WITH_A = """LEGO; Nintendo DS; Role-Playing; Sci-Fi; Xylophone; Sky; Unique; European; One-shot; PC; X; 1800s; 180;
19th century; UK; US Army; USB; UHD; UV; UFO; UFC; URL; Utility; Ukulele; Ukrainian; Utopian; U.S. Army;
STAR; FLASH; NASA; Honey; Mythical; Rhythm; """


@pytest.mark.parametrize("words", WITH_AN.replace("\n", " ").split("; "))
def test_what_is_said_with_a_vowel_first(words: str) -> None:
    assert article(words) == "an"


@pytest.mark.parametrize("words", WITH_A.replace("\n", " ").split("; "))
def test_what_is_said_with_a_consonant_first(words: str) -> None:
    assert article(words) == "a"


@pytest.mark.parametrize("words", ["USB", "RPG", "Unusual", "8-bit", "$80", "X-Wing", "iPhone", "R&B", "É", ""])
def test_where_it_is_not_certain_nothing_is_said(words: str) -> None:
    assert certain_article(words) is None
