"""Invented worlds of video games: the demo's catalogue, and the other catalogues that the demo LLM is taught on.

A world has platforms, studios and franchises; a franchise has sequels that share a genre and mostly a platform.
Nothing here names a real game, platform or studio.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.core.words import article
from recexplainer.demo.domain import GAMES, Domain

GENRES = (
    "Role-Playing", "Racing", "Puzzle", "Strategy", "Platformer", "Shooter",
    "Sports", "Simulation", "Adventure", "Fighting", "Rhythm", "Horror",
)  # fmt: skip
SETTINGS = ("space", "desert", "ocean", "city", "forest", "castle", "arctic", "jungle", "ruins", "islands")
PLAYERS = ("single player", "co-op", "online", "split screen")

_FIRST = (
    "Amber", "Ashen", "Bitter", "Blazing", "Bright", "Broken", "Bronze", "Burning", "Calm", "Cinder", "Clever",
    "Cobalt", "Copper", "Coral", "Crimson", "Crystal", "Dancing", "Dusty", "Echo", "Ember", "Endless", "Fading",
    "Fallen", "Feral", "Final", "Flying", "Frozen", "Gentle", "Ghost", "Gilded", "Glass", "Golden", "Grand",
    "Hidden", "Hollow", "Iron", "Ivory", "Jade", "Little", "Lonely", "Lost", "Lucky", "Lunar", "Marble", "Mighty",
    "Misty", "Neon", "Nimble", "Obsidian", "Onyx", "Pale", "Paper", "Phantom", "Proud", "Quiet", "Radiant",
    "Rapid", "Restless", "Rising", "Royal", "Ruby", "Rusty", "Sacred", "Savage", "Scarlet", "Secret", "Shaded",
    "Silent", "Silver", "Sleeping", "Solar", "Stolen", "Stormy", "Sunken", "Swift", "Thunder", "Twilight",
    "Velvet", "Violet", "Wandering", "Wicked", "Wild", "Winter", "Wooden",
)  # fmt: skip
_SECOND = (
    "Anvil", "Archer", "Arena", "Beacon", "Bridge", "Canyon", "Caravan", "Castle", "Circuit", "Citadel", "Comet",
    "Compass", "Crown", "Dagger", "Dawn", "Derby", "Dragon", "Drift", "Dynasty", "Eagle", "Empire", "Engine",
    "Falcon", "Fable", "Festival", "Fjord", "Forge", "Fortress", "Fox", "Frontier", "Galaxy", "Garden", "Gate",
    "Giant", "Glacier", "Guild", "Harbor", "Harvest", "Heart", "Horizon", "Hunter", "Isle", "Journey", "Keeper",
    "Kingdom", "Knight", "Labyrinth", "Lagoon", "Lantern", "Legend", "Legion", "Lighthouse", "Lion", "Machine",
    "Marathon", "Mask", "Meadow", "Mirror", "Monarch", "Mountain", "Nomad", "Oasis", "Oracle", "Orchard",
    "Outpost", "Parade", "Pilot", "Pioneer", "Planet", "Portal", "Puzzle", "Quarry", "Quest", "Raven", "Rebel",
    "Reef", "River", "Rocket", "Safari", "Sailor", "Sentinel", "Serpent", "Shore", "Signal", "Sky", "Spire",
    "Squadron", "Stadium", "Station", "Stone", "Summit", "Temple", "Tempest", "Throne", "Tower", "Trail",
    "Valley", "Village", "Voyage", "Warden", "Wolf", "Workshop",
)  # fmt: skip
_SUBTITLES = ("Origins", "Reborn", "Awakening", "Legacy", "Uprising", "Eclipse", "Homecoming", "Redux")
_PLATFORM_WORDS = (
    "Nova", "Orbit", "Kestrel", "Halcyon", "Vertex", "Polar", "Quanta", "Zephyr", "Lumen", "Titan", "Pixel",
    "Astra", "Cubix", "Delta", "Fluxo", "Mira", "Prism", "Sonar", "Tempo", "Vanta",
)  # fmt: skip
_PLATFORM_SUFFIXES = (" 64", " 2", " Go", " One", " X", " Station", " Mini", "")
_STUDIO_ENDS = ("Works", "Games", "Interactive", "Forge", "Labs", "Arts", "Soft", "House")
_NUMERALS = ("", " II", " III", " IV", " V")


@dataclass(frozen=True)
class Game:
    """One item of a catalogue, with the attributes that its metadata states."""

    title: str
    franchise: str
    sequel: int  # 0 = the first game of its franchise
    platform: str
    genre: str
    studio: str
    setting: str
    players: str
    year: int
    price: float
    popularity: float  # the weight with which users who follow the crowd choose it

    @property
    def features(self) -> list[str]:
        """The feature lines of the metadata."""
        return [
            f"Genre: {self.genre}",
            f"Platform: {self.platform}",
            f"Setting: {self.setting}",
            f"Players: {self.players}",
        ]

    @property
    def description(self) -> str:
        """One paragraph that holds the same facts as the attributes."""
        return (
            f"{article(self.genre).title()} {self.genre.lower()} game by {self.studio} for the {self.platform}, "
            f"set in the {self.setting}. Made for {self.players} play."
        )


@dataclass(frozen=True)
class World:
    """A catalogue and the names that it is built from."""

    games: list[Game]
    platforms: list[str]
    studios: list[str]
    domain: Domain = GAMES  # the words for what it holds
    genres: Sequence[str] = GENRES

    @property
    def franchises(self) -> set[str]:
        """The names of all franchises and stand-alone games."""
        return {game.franchise for game in self.games}


def make_world(
    rng: np.random.Generator,
    n_items: int,
    n_platforms: int = 5,
    reserved: Collection[str] = (),
    first_year: int = 2008,
    last_year: int = 2016,
) -> World:
    """Invent a catalogue of about `n_items` games (exactly `n_items`).

    Args:
        rng: The source of every choice.
        n_items: How many games.
        n_platforms: How many platforms, at most 20.
        reserved: Franchise and platform names that must not be used, so that one world knows nothing of another.
        first_year: The earliest year of release.
        last_year: The latest year of release.
    """
    used = set(reserved)
    own_words: set[str] = set()  # no two platforms of a world share their first word
    platforms = [_platform(rng, used, own_words) for _ in range(n_platforms)]
    studios = [_studio(rng, used) for _ in range(max(3, n_items // 8))]
    games: list[Game] = []
    while len(games) < n_items:
        games.extend(_franchise(rng, used, platforms, studios, first_year, last_year))
    return World(games[:n_items], platforms, studios)


def _franchise(
    rng: np.random.Generator,
    used: set[str],
    platforms: list[str],
    studios: list[str],
    first_year: int,
    last_year: int,
) -> list[Game]:
    name = _name(rng, used)
    n_games = int(rng.choice([1, 2, 3, 4, 5], p=[0.34, 0.2, 0.2, 0.16, 0.1]))
    genre, platform, studio = str(rng.choice(GENRES)), str(rng.choice(platforms)), str(rng.choice(studios))
    setting = str(rng.choice(SETTINGS))
    shows_platform = rng.random() < 0.4
    popularity = float(rng.pareto(1.6) + 0.15)
    year = int(rng.integers(first_year, last_year - (n_games - 1) + 1))
    games = []
    for sequel in range(n_games):
        own_platform = platform if rng.random() < 0.9 else str(rng.choice(platforms))
        title = name + (_NUMERALS[sequel] if rng.random() < 0.8 or sequel == 0 else f": {rng.choice(_SUBTITLES)}")
        if shows_platform or own_platform != platform:
            title += f" - {own_platform}"
        elif rng.random() < 0.06:
            title += " - Deluxe Edition"
        games.append(
            Game(
                title=title,
                franchise=name,
                sequel=sequel,
                platform=own_platform,
                genre=genre,
                studio=studio,
                setting=setting,
                players=str(rng.choice(PLAYERS)),
                year=min(year + sequel, last_year),
                price=float(rng.choice([9, 14, 19, 24, 29, 39, 49, 59])) + 0.99,
                popularity=popularity * float(rng.uniform(0.5, 1.5)),
            )
        )
    return games


def _name(rng: np.random.Generator, used: set[str]) -> str:
    while True:
        first, second = rng.choice(_FIRST), rng.choice(_SECOND)
        name = f"{first} {second}" if rng.random() < 0.85 else f"{second} of the {rng.choice(_SECOND)}"
        if name not in used:
            used.add(name)
            return name


def _platform(rng: np.random.Generator, used: set[str], own: set[str]) -> str:
    while True:
        name = f"{rng.choice(_PLATFORM_WORDS)}{rng.choice(_PLATFORM_SUFFIXES)}"
        if name not in used and name.split()[0] not in own:
            used.add(name)
            own.add(name.split()[0])
            return name


def _studio(rng: np.random.Generator, used: set[str]) -> str:
    while True:
        name = f"{rng.choice(_SECOND)} {rng.choice(_STUDIO_ENDS)}"
        if name not in used:
            used.add(name)
            return name
