import numpy as np

from recexplainer.citations.titles import TitleIndex
from recexplainer.demo.synthetic import demo_world

TITLES = ["", "Iron Drift II", "Étoile du Nord", "Silent Valley", "2048", "!!!"]


def test_normalised_titles_differ_in_case_accents_and_signs_only() -> None:
    index = TitleIndex(TITLES)
    assert index.normalised("etoile DU nord.") == [2]
    assert index.normalised("Etoile Nord") == []
    assert index.normalised("...") == []  # no word: no title, though a title is without words too


def test_fuzzy_titles_forgive_a_slip_but_never_a_number() -> None:
    index = TitleIndex(TITLES)
    assert index.fuzzy("Silent Vally") == [3]
    assert index.fuzzy("Silent Galaxy") == []
    assert index.fuzzy("Iron Drift III") == []
    assert index.fuzzy("Iron Drfit II") == [1]
    assert index.fuzzy("") == index.fuzzy("zzz") == []


def test_equally_near_titles_are_all_given() -> None:
    assert sorted(TitleIndex(["", "Golden Hagrid", "Golden Hogrid"]).fuzzy("Golden Hgrid")) == [1, 2]


def test_the_threshold_separates_slips_from_other_games_of_the_demo_world() -> None:
    """With the threshold at .8 the first share is .08, at .95 the second is .70."""
    titles = list(dict.fromkeys(game.title for game in demo_world(11, 200).games))
    rng = np.random.default_rng(0)
    index = TitleIndex(["", *titles])
    n_taken_for_another, n_slips_found = 0, 0
    for number, title in enumerate(titles):
        others = TitleIndex(["", *titles[:number], *titles[number + 1 :]])
        n_taken_for_another += bool(others.normalised(title) or others.fuzzy(title))
        place = int(rng.integers(len(title)))
        slip = title[:place] + title[place + 1 :]
        n_slips_found += (index.normalised(slip) or index.fuzzy(slip))[:1] == [number + 1]
    assert n_taken_for_another / len(titles) <= 0.01
    assert n_slips_found / len(titles) >= 0.8
