"""Conversations about invented catalogues: the demo's general dialogues, and the lessons of the demo LLM.

Every conversation holds the facts that its answer needs, so a model that reads them learns to use a prompt, not a
catalogue. What no prompt can tell is left to chance on purpose: whether a user likes an item, and in which order a
recommender ranks candidates, are drawn at random, so that the unaligned LLM knows the form of such an answer and
nothing of its content.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np

from recexplainer.core.words import article
from recexplainer.demo.domain import GAMES, Domain
from recexplainer.demo.world import GENRES, PLAYERS, SETTINGS, Game, World, make_world
from recexplainer.prompting import wording

Turn = tuple[str, str]  # (question, answer)
MAX_HISTORY = 10


def make_dialogues(rng: np.random.Generator, n_dialogues: int, reserved: Collection[str] = ()) -> list[dict]:
    """ShareGPT conversations about worlds that use none of the `reserved` names."""
    dialogues = []
    world = make_world(rng, 60, reserved=reserved)
    for number in range(n_dialogues):
        if number % 20 == 0:
            world = make_world(rng, 60, reserved=reserved)
        turns = [
            {"from": speaker, "value": text}
            for question, answer in make_conversation(rng, world)
            for speaker, text in (("human", question), ("gpt", answer))
        ]
        dialogues.append({"id": f"dialogue-{number}", "conversations": turns})
    return dialogues


def make_conversation(rng: np.random.Generator, world: World) -> list[Turn]:
    """One conversation of one or two turns, its kind drawn by the weights of `LESSONS`."""
    kinds, weights = zip(*LESSONS, strict=True)
    total = np.array(weights, dtype=float)
    return kinds[int(rng.choice(len(kinds), p=total / total.sum()))](rng, world)


def item_line(game: Game) -> str:
    """An item as prompts write it: its title and what is known of it."""
    known = ", ".join(name for name in (game.platform, game.genre) if name)
    return f"{game.title} ({known})" if known else game.title


def history_block(history: list[Game]) -> str:
    """A history as prompts write it."""
    return "\n".join([wording.HISTORY, *map(item_line, history)])


def explain(history: list[Game], target: Game, verdict: str, domain: Domain = GAMES) -> str:
    """A short explanation of a verdict that is already settled, true of the items' attributes."""
    name = f'"{target.title}"'
    kind = domain.kind(target.platform, target.genre)
    closest = sorted(history, key=lambda game: _likeness(game, target), reverse=True)
    if verdict == wording.YES:
        return f"{wording.YES}. " + _explain_yes(name, kind, closest, target, domain)
    return f"{wording.NO}. " + _explain_no(name, kind, history, closest, target, domain)


def summarise(history: list[Game], domain: Domain = GAMES) -> str:
    """What the attributes of a history say about its user."""
    platform, genre = _most(g.platform for g in history), _most(g.genre for g in history)
    examples = [g for g in reversed(history) if "" != g.platform == platform or "" != g.genre == genre]
    examples = (examples or history[::-1])[:2]
    named = [domain.of_genre(genre)] if genre else []
    named += [domain.of_platform(platform)] if platform else []
    return f"This user {domain.takes} {' and '.join(named) or domain.plural}, such as {_titles(examples)}."


def _explain_yes(name: str, kind: str, closest: list[Game], target: Game, domain: Domain) -> str:
    siblings = [game for game in closest if game.franchise == target.franchise][:2]
    if siblings:
        rest = [g for g in closest if g not in siblings and _likeness(g, target) >= 2][:1]
        text = f"{name} belongs to the series of {_titles(siblings)}, which the user {domain.took}."
        return text + (f" It is {kind}, like {_titles(rest)}." if rest else f" It is {kind}.")
    both = [game for game in closest if game.platform == target.platform and game.genre == target.genre][:3]
    if both:
        return f"{name} is {kind}, like {_titles(both)}, which the user {domain.took}."
    near = [game for game in closest if _likeness(game, target) >= 1][:2]
    if near and target.platform and near[0].platform == target.platform:
        near = [game for game in near if game.platform == target.platform]
        shared = f" for the {target.platform}" if domain.has_platforms else f", {target.platform} too"
        return f"{name} is {kind}, and the user {domain.took} {_titles(near)}{shared}."
    if near:
        return f"{name} is {kind}, and the user {domain.took} {_titles(near)}, {target.genre} too."
    return f"{name} is {kind}, something new after {_titles(closest[:1])}."


def _explain_no(name: str, kind: str, history: list[Game], closest: list[Game], target: Game, domain: Domain) -> str:
    latest = list(reversed(history))
    other_platform = [game for game in latest if game.platform and game.platform != target.platform][:2]
    other_genre = [game for game in latest if game.genre and game.genre != target.genre][:2]
    if other_platform and len(other_platform) >= min(2, len(history)):
        platform = other_platform[0].platform
        same = [game for game in other_platform if game.platform == platform]
        others = f"{_titles(same)} for the {platform}"
        if not domain.has_platforms:
            others = f"{domain.of_platform(platform)} such as {_titles(same)}"
        return f"{name} is {kind}, but the user {domain.took} {others}."
    if other_genre:
        genre = other_genre[0].genre
        same = [game for game in other_genre if game.genre == genre]
        return f"{name} is {kind}, but the user {domain.took} {domain.of_genre(genre)} such as {_titles(same)}."
    return f"{name} is {kind}, and {_titles(closest[:1])} was enough of that."


def _lesson_explain(rng: np.random.Generator, world: World) -> list[Turn]:
    history, target = history_and_target(rng, world)
    verdict = str(rng.choice([wording.YES, wording.NO]))
    question = f"{history_block(history)}\n{wording.INTEREST} {wording.ANSWER_AND_EXPLAIN}\n{item_line(target)}"
    return [(question, explain(history, target, verdict, world.domain))]


def _lesson_verdict(rng: np.random.Generator, world: World) -> list[Turn]:
    history, target = history_and_target(rng, world)
    question = f"{history_block(history)}\n{wording.INTEREST} {wording.ANSWER_YES_NO}\n{item_line(target)}"
    return [(question, str(rng.choice([wording.YES, wording.NO])))]


def _lesson_rank(rng: np.random.Generator, world: World) -> list[Turn]:
    history, _ = history_and_target(rng, world)
    candidates = [game.title for game in _sample(rng, world.games, 5)]
    block = f"{history_block(history)}\n" if rng.random() < 0.5 else ""
    question = "\n".join([block + wording.ITEM_RANKING, *candidates])
    return [(question, "\n".join(rng.permutation(candidates)))]


def _lesson_sort(rng: np.random.Generator, world: World) -> list[Turn]:
    games = _sample(rng, world.games, int(rng.integers(3, 6)))
    if rng.random() < 0.5:
        lines, key = [f"{g.title}: ${g.price:.2f}" for g in games], lambda g: (g.price, g.title)
        question = "Order these games from the cheapest to the dearest, one title per line:"
    else:
        lines, key = [f"{g.title}: {g.year}" for g in games], lambda g: (g.year, g.title)
        question = "Order these games from the oldest to the newest, one title per line:"
    return [("\n".join([question, *lines]), "\n".join(g.title for g in sorted(games, key=key)))]


def _lesson_copy(rng: np.random.Generator, world: World) -> list[Turn]:
    games = _sample(rng, world.games, int(rng.integers(2, 8)))
    block, titles = history_block(games), [game.title for game in games]
    place = int(rng.integers(len(games)))
    kind = int(rng.integers(6))
    if kind == 0:
        return [(f"{block}\nList the titles, one per line.", "\n".join(titles))]
    if kind == 1:
        return [(f"{block}\nList the titles from the newest to the oldest.", "\n".join(reversed(titles)))]
    if kind == 2:
        return [(f"{block}\nWhich title comes last?", titles[-1])]
    if kind == 3:
        return [(f"{block}\nWhich title comes first?", titles[0])]
    if kind == 4 and place + 1 < len(titles):
        return [(f'{block}\nWhich title comes after "{titles[place]}"?', titles[place + 1])]
    known = ", ".join(name for name in (games[place].platform, games[place].genre) if name)
    return [(f'{block}\nWhat is known of "{titles[place]}"?', known or "Only its title.")]


def _lesson_filter(rng: np.random.Generator, world: World) -> list[Turn]:
    games = _sample(rng, world.games, int(rng.integers(3, MAX_HISTORY)))
    pivot, domain = games[int(rng.integers(len(games)))], world.domain
    if rng.random() < 0.5:
        found = [game for game in games if game.platform == pivot.platform]
        for_platform = f"for the {pivot.platform}" if domain.has_platforms else domain.of_platform(pivot.platform)
        question = f"Which of these are {for_platform}?"
    else:
        found = [game for game in games if game.genre == pivot.genre]
        question = f"Which of these are {domain.of_genre(pivot.genre)}?"
    return [(f"{history_block(games)}\n{question}", _titles(found) + ".")]


def _lesson_closest(rng: np.random.Generator, world: World) -> list[Turn]:
    history, target = history_and_target(rng, world)
    closest = max(reversed(history), key=lambda game: _likeness(game, target))
    question = f"Which item of the history is most like {item_line(target)}?"
    return [(f"{history_block(history)}\n{question}", f'"{closest.title}"')]


def _lesson_resemble(rng: np.random.Generator, world: World) -> list[Turn]:
    history, target = history_and_target(rng, world)
    alike = sum(_likeness(game, target) > 0 for game in history)
    question = f"Does this item resemble most of the history? {wording.ANSWER_YES_NO}\n{item_line(target)}"
    return [(f"{history_block(history)}\n{question}", wording.YES if 2 * alike > len(history) else wording.NO)]


def _lesson_order(rng: np.random.Generator, world: World) -> list[Turn]:
    history, target = history_and_target(rng, world)
    others = [game for game in world.games if game not in history and game is not target]
    candidates = _sample(rng, [target, *_sample(rng, others, 4)], 5)
    likeness = {game.title: sum(_likeness(game, seen) for seen in history) for game in candidates}
    ordered = sorted(candidates, key=lambda game: likeness[game.title], reverse=True)
    question = "Order these games from the most to the least like the history, one title per line:"
    lines = [history_block(history), question, *map(item_line, candidates)]
    return [("\n".join(lines), "\n".join(game.title for game in ordered))]


def _lesson_compare(rng: np.random.Generator, world: World) -> list[Turn]:
    first, second = _sample(rng, world.games, 2)
    if rng.random() < 0.5:
        alike = [game for game in world.games if game.platform == first.platform and game is not first]
        second = alike[int(rng.integers(len(alike)))] if alike else second
    trait, same = ("platform", first.platform == second.platform)
    if rng.random() < 0.5:
        trait, same = ("genre", first.genre == second.genre)
    question = f"{item_line(first)}\n{item_line(second)}\nDo these two share a {trait}? {wording.ANSWER_YES_NO}"
    return [(question, wording.YES if same else wording.NO)]


def _lesson_member(rng: np.random.Generator, world: World) -> list[Turn]:
    history, target = history_and_target(rng, world)
    asked = history[int(rng.integers(len(history)))] if rng.random() < 0.5 else target
    question = f'{history_block(history)}\nIs "{asked.title}" in the history? {wording.ANSWER_YES_NO}'
    return [(question, wording.YES if asked in history else wording.NO)]


def _lesson_item(rng: np.random.Generator, world: World) -> list[Turn]:
    game = world.games[int(rng.integers(len(world.games)))]
    card = "\n".join([f"{wording.ITEM} {item_line(game)}", f"Studio: {game.studio}", *game.features])
    answers = {
        "title": game.title,
        "brand": game.studio,
        "categories": f"{game.platform}, {game.genre}",
        "features": "; ".join(game.features),
        "description": game.description,
    }
    names = [str(name) for name in rng.permutation(list(answers))[:2]]
    turns = [(wording.ITEM_QUESTIONS[name], answers[name]) for name in names]
    return [(f"{turns[0][0]}\n{card}", turns[0][1]), turns[1]]


def _lesson_title_from(rng: np.random.Generator, world: World) -> list[Turn]:
    games = _sample(rng, world.games, 4)
    game = games[int(rng.integers(4))]
    cards = [f"{item_line(other)}: {other.description}" for other in games]
    return [("\n".join([*cards, wording.TITLE_FROM["description"], game.description]), game.title)]


def _lesson_summary(rng: np.random.Generator, world: World) -> list[Turn]:
    history, _ = history_and_target(rng, world)
    return [(f"{history_block(history)}\n{wording.USER_SUMMARY}", summarise(history, world.domain))]


def _lesson_catalogue(rng: np.random.Generator, world: World) -> list[Turn]:
    games = _sample(rng, world.games, int(rng.integers(2, 5)))
    answer = "\n".join(f"{game.title}: {game.description}" for game in games)
    return [("\n".join(["Write a line about each game:", *map(item_line, games)]), answer)]


def _lesson_talk(rng: np.random.Generator, world: World) -> list[Turn]:
    game = world.games[int(rng.integers(len(world.games)))]
    genre, platform = game.genre, game.platform
    talk: list[Turn] = [
        ("Hello!", "Hello! How can I help?"),
        ("Who are you?", "I am a small language model that talks about games and the people who play them."),
        (f"What is {article(genre)} {genre} game?", f"A game whose heart is the {genre.lower()} kind of play."),
        (f"Recommend a game for the {platform}.", "I can only speak of games that you show me. Please give me a list."),
        ("Thank you.", "You are welcome."),
        (f'Do you know "{game.title}"?', "Only what you tell me of it."),
        ("Name three genres.", ", ".join(_sample(rng, list(GENRES), 3)) + "."),
        ("Name two settings of games.", ", ".join(_sample(rng, list(SETTINGS), 2)) + "."),
        ("In how many ways can one play together?", ", ".join(_sample(rng, list(PLAYERS), 2)) + ", among others."),
        ("Count from one to five.", "One, two, three, four, five."),
    ]
    return [talk[int(row)] for row in rng.choice(len(talk), size=2, replace=False)]


LESSONS: tuple[tuple[Callable[[np.random.Generator, World], list[Turn]], float], ...] = (
    (_lesson_explain, 0.24),
    (_lesson_verdict, 0.03),
    (_lesson_rank, 0.07),
    (_lesson_sort, 0.05),
    (_lesson_copy, 0.14),
    (_lesson_filter, 0.09),
    (_lesson_closest, 0.08),
    (_lesson_resemble, 0.05),
    (_lesson_order, 0.06),
    (_lesson_compare, 0.05),
    (_lesson_member, 0.04),
    (_lesson_item, 0.07),
    (_lesson_title_from, 0.04),
    (_lesson_summary, 0.04),
    (_lesson_catalogue, 0.04),
    (_lesson_talk, 0.02),
)


def history_and_target(rng: np.random.Generator, world: World) -> tuple[list[Game], Game]:
    """A history with some taste in it and an item outside it that fits the taste half of the time."""
    games = world.games
    platforms = set(_sample(rng, world.platforms, int(rng.integers(1, 4))))
    genres = set(_sample(rng, list(world.genres), int(rng.integers(2, 6))))
    fitting = [g for g in games if g.platform in platforms and g.genre in genres]
    n_history = int(rng.integers(2, MAX_HISTORY))
    pool = fitting if len(fitting) > n_history and rng.random() < 0.8 else games
    history = _sample(rng, pool, n_history)
    titles = {game.title for game in history}
    sequels = [g for g in games if g.title not in titles and any(g.franchise == h.franchise for h in history)]
    others = [g for g in (fitting if rng.random() < 0.5 else games) if g.title not in titles]
    others = sequels if sequels and rng.random() < 0.35 else others or [g for g in games if g.title not in titles]
    return history, others[int(rng.integers(len(others)))]


def _sample(rng: np.random.Generator, values: list, n: int) -> list:
    return [values[int(row)] for row in rng.choice(len(values), size=min(n, len(values)), replace=False)]


def _likeness(game: Game, other: Game) -> float:
    """Categories that are unknown ("") are not alike."""
    same_platform, same_genre = (game.platform == other.platform != ""), (game.genre == other.genre != "")
    return 4.0 * (game.franchise == other.franchise) + same_platform + same_genre


def _most(values: Iterable[str]) -> str:
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    return max(counted, key=lambda value: counted[value])


def _titles(games: list[Game]) -> str:
    quoted = [f'"{game.title}"' for game in games]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
