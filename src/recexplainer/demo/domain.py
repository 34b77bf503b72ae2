"""Words for what a catalogue holds: games that are played, films that are watched, products that are bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.core.words import article

_TAKEN = {  # what users do with items, in the present and in the past
    ("game",): ("plays", "played"),
    ("film", "movie", "series", "show", "video", "anime", "episode"): ("watches", "watched"),
    ("book", "novel", "comic", "manga", "article", "paper", "story", "magazine"): ("reads", "read"),
    ("song", "album", "track", "podcast", "artist", "record"): ("listens to", "listened to"),
    ("product", "grocery", "gift card"): ("buys", "bought"),
    ("recipe", "dish"): ("cooks", "cooked"),
}
_OTHER = ("chooses", "chose")
NOUNS = tuple(noun for nouns in _TAKEN for noun in nouns)
_ALIKE_IN_PLURAL = ("series", "anime", "manga")


@dataclass(frozen=True)
class Domain:
    """How a lesson speaks of items.

    Attributes:
        noun: An item, in the singular: `film`.
        has_platforms: Whether the first category is what an item is made for, as the demo's games are for a console;
            in other catalogues both categories are kinds, games' too: "Action" and "Kids & Family" are no consoles.
    """

    noun: str = "game"
    has_platforms: bool = False

    @property
    def plural(self) -> str:
        """Several items.

        >>> Domain("film").plural, Domain("story").plural, Domain("dish").plural, Domain("series").plural
        ('films', 'stories', 'dishes', 'series')
        """
        if self.noun in _ALIKE_IN_PLURAL:
            return self.noun
        if self.noun.endswith("y") and self.noun[-2:-1] not in "aeiou":
            return f"{self.noun[:-1]}ies"
        return self.noun + ("es" if self.noun.endswith(("s", "x", "z", "ch", "sh")) else "s")

    @property
    def takes(self) -> str:
        """What users do with items: `plays`."""
        return self._taken()[0]

    @property
    def took(self) -> str:
        """What users did with items: `played`."""
        return self._taken()[1]

    def kind(self, platform: str, genre: str) -> str:
        """An item by its two categories, either of which may be unknown ("").

        >>> GAMES.kind("Nova 64", "Racing")
        'a Racing game for the Nova 64'
        >>> Domain("film").kind("Adventure", "Comedy"), Domain("book").kind("Crime", "")
        ('an Adventure and Comedy film', 'a Crime book')
        """
        if self.has_platforms and platform and genre:
            return f"{article(genre)} {genre} {self.noun} for the {platform}"
        named = " and ".join(name for name in dict.fromkeys((platform, genre)) if name)
        words = f"{named} {self.noun}".strip()
        return f"{article(words)} {words}"

    def of_platform(self, platform: str) -> str:
        """Several items by their first category.

        >>> GAMES.of_platform("Nova 64"), Domain("film").of_platform("Drama")
        ('games for the Nova 64', 'Drama films')
        """
        return f"{self.plural} for the {platform}" if self.has_platforms and platform else self.of_genre(platform)

    def of_genre(self, genre: str) -> str:
        """Several items by their second category."""
        return f"{genre} {self.plural}".strip()

    def _taken(self) -> tuple[str, str]:
        return next((words for nouns, words in _TAKEN.items() if self.noun.split()[-1] in _last(nouns)), _OTHER)


def _last(nouns: Sequence[str]) -> list[str]:
    return [noun.split()[-1] for noun in nouns]


GAMES = Domain("game", has_platforms=True)
