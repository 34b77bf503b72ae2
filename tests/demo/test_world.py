from __future__ import annotations

import numpy as np
import pytest

from recexplainer.demo.world import GENRES, make_world


@pytest.mark.parametrize("seed", range(5))
def test_a_world_is_of_the_size_asked_for_and_its_titles_are_clean(seed: int) -> None:
    world = make_world(np.random.default_rng(seed), 90, n_platforms=6)
    titles = [game.title for game in world.games]
    assert len(titles) == 90 and len(set(world.platforms)) == 6
    twins = {title for title in titles if titles.count(title) > 1}  # sequels that drew the same subtitle
    assert len(twins) <= 4 and all(": " in title for title in twins)
    assert all(title == title.strip() and title.isprintable() for title in titles)
    for game in world.games:
        assert game.platform in world.platforms and game.studio in world.studios and game.genre in GENRES
        assert game.title.startswith(game.franchise)
        assert 2008 <= game.year <= 2016 and game.price > 0 and game.popularity > 0


def test_the_same_seed_invents_the_same_world() -> None:
    worlds = [make_world(np.random.default_rng(seed), 40) for seed in (1, 1, 2)]
    assert worlds[0] == worlds[1] != worlds[2]


def test_sequels_come_after_one_another_and_share_genre_and_studio() -> None:
    world = make_world(np.random.default_rng(0), 200)
    series = [[g for g in world.games if g.franchise == name] for name in sorted(world.franchises)]
    assert sum(len(games) > 1 for games in series) > 20
    for games in series:
        assert [game.sequel for game in games] == list(range(len(games)))
        assert [game.year for game in games] == sorted(game.year for game in games)
        assert len({(game.genre, game.studio, game.setting) for game in games}) == 1


def test_reserved_names_are_not_used() -> None:
    first = make_world(np.random.default_rng(0), 100)
    names = first.franchises | set(first.platforms) | set(first.studios)
    again = make_world(np.random.default_rng(0), 100, reserved=names)
    assert not names & (again.franchises | set(again.platforms) | set(again.studios))


def test_the_description_states_the_attributes() -> None:
    for game in make_world(np.random.default_rng(0), 50).games:
        for fact in (game.genre.lower(), game.studio, game.platform, game.setting, game.players):
            assert fact in game.description
        assert game.features == [
            f"Genre: {game.genre}", f"Platform: {game.platform}", f"Setting: {game.setting}", f"Players: {game.players}"
        ]  # fmt: skip
