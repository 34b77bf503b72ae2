import pytest

from recexplainer.citations.versions import UnknownVersions

VALUES = ["Astra X", "Mira One", "Kestrel 2", "Game Station 4", "Puzzle", "2 Players", "Nova", "The One"]


@pytest.mark.parametrize(
    "text, found",
    [
        ("It is for the Astra 2, and the Fluxo 3.", [("Astra 2", 0)]),
        ("It is for the Kestrel III and the Mira 64.", [("Kestrel III", 2), ("Mira 64", 1)]),
        ("It is for the Game Station One.", [("Game Station One", 3)]),
        ("It is for the Astra X, the Mira One and the game station 4, Nova 2.", []),
        ("It is for the Mira 1, the Mira I and the Kestrel II. For the Astra I would play it.", []),
        ("The 3 latest are for the The 3.", []),
        ("It is for the Astra, 2 players. In the kestrel 3 nests were. Puzzle 2!", []),
    ],
)
def test_a_value_that_differs_in_its_version_alone_is_found(text: str, found: list[tuple[str, int]]) -> None:
    versions = UnknownVersions(VALUES)
    assert [(text[start:end], like) for start, end, like in versions.find(text)] == found
    assert versions.find(text, [(0, len(text))]) == []
