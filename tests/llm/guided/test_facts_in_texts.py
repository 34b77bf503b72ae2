from __future__ import annotations

import pytest

from recexplainer.citations.facts import facts_of
from recexplainer.llm.guided.changes import Change, otherwise
from recexplainer.llm.guided.draft import Draft, Written
from recexplainer.llm.guided.guide import Guide
from recexplainer.llm.guided.tokens import TokenTexts
from tests import tiny
from tests.faithfulness.fakes import make_catalogue
from tests.llm.guided.scripted import Scripted, sentencepiece

RUST, RUST_II, RUST_BONE, QUIET, HOSHI, SLOT, END, FOX, FOX_RUN, GATE, GARDEN, WOLF = range(1, 13)
# Odd items are Orbit games by Wolf Works, even ones Nova games; by item % 3 Racing (0), Puzzle (1), Horror (2).


@pytest.fixture(scope="module", params=["bytes", "first"])
def texts(request: pytest.FixtureRequest) -> TokenTexts:
    return TokenTexts(tiny.tokenizer() if request.param == "bytes" else sentencepiece(request.param))


def write(texts: TokenTexts, example: str, cited: list[int], target: int = RUST, is_guided: bool = True) -> Written:
    catalogue = tiny.catalogue()
    guide = Guide(catalogue, target, cited, cited, facts_of(catalogue) if is_guided else None)
    return Scripted(texts, texts._tokenizer.eos_token_id, example).write(guide)[0]


def text_of(texts: TokenTexts, example: str, cited: list[int], target: int = RUST) -> str:
    return "Yes" + write(texts, example, cited, target).text


def guide_behind_rust(cited: list[int]) -> Guide:
    """The guide of a text that has begun: Yes. "Rust"."""
    catalogue = tiny.catalogue()
    guide = Guide(catalogue, RUST, cited, cited, facts_of(catalogue))
    guide.wrote(5, 11, RUST)
    return guide


def test_true_facts_stay_as_they_are(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a Puzzle game for the Orbit, like "{Amber Gate}".'
    written = write(texts, example, [GATE])
    assert "Yes" + written.text == example.replace("{", "").replace("}", "") and written.n_facts == 0


@pytest.mark.parametrize("said, holds", [("Racing", "Puzzle"), ("Horror", "Puzzle")])
def test_a_value_that_does_not_hold_is_replaced_by_one_of_its_kind(texts: TokenTexts, said: str, holds: str) -> None:
    written = write(texts, f'Yes. "{{Rust}}" is a {{{said}}} game for the {{Nova}}, and it is new.', [GATE])
    assert "Yes" + written.text == f'Yes. "Rust" is a {holds} game for the Orbit, and it is new.'
    assert written.n_facts == 2


@pytest.mark.parametrize(
    "said, fitting",
    [
        ("is {a Orbit} game.", "is an Orbit game."),
        ("is {an Puzzle} game for an Orbit.", "is a Puzzle game for an Orbit."),
    ],
)
def test_a_value_that_holds_gets_the_article_that_it_wants(texts: TokenTexts, said: str, fitting: str) -> None:
    written = write(texts, f'Yes. "{{Rust}}" {said}', [FOX])
    assert "Yes" + written.text == f'Yes. "Rust" {fitting}' and written.n_facts == 0


@pytest.mark.parametrize("said", ["erinnert an Horror", "Grade A Orbit", "comes with a Orbit"])
def test_what_may_be_no_article_stays(said: str) -> None:
    """In other languages, and of capitals: "Vitamin A Orange"."""
    guide = guide_behind_rust([FOX])
    guide.facts = facts_of(make_catalogue([{"title": "Rust", "categories": ["Orbit", "Horror"]}]))
    assert guide.look(f'Yes. "Rust" {said}, ') is None


def test_the_value_behind_a_new_article_keeps_its_signs() -> None:
    crafts = "Arts, Crafts & Sewing"
    catalogue = make_catalogue([{"title": "Rust", "categories": [crafts]}, {"title": "Fox"}, {"title": "Gate"}])
    guide = Guide(catalogue, 1, [2], [2], facts_of(catalogue))
    guide.wrote(5, 11, 1)
    told = f"an {crafts}"
    assert guide.look(f'Yes. "Rust" is a {crafts} set') == Change(15, "article", (told,), (told,))


def test_without_facts_a_text_says_what_it_likes(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a Racing game.'
    written = write(texts, example, [GATE], is_guided=False)
    assert "Yes" + written.text == 'Yes. "Rust" is a Racing game.' and written.n_facts == 0


def test_a_value_behind_cited_titles_holds_for_all_of_them(texts: TokenTexts) -> None:
    """Another item bears it, which does not make it true of these."""
    example = 'Yes. "{Rust}" is new, and the user has "{Fox}" and "{Iron Wolf}" for the {Orbit}.'
    assert text_of(texts, example, [FOX, WOLF]).endswith('"Fox" and "Iron Wolf" for the Nova.')


def test_a_yes_names_no_value_against_the_target(texts: TokenTexts) -> None:
    """ "…for the Orbit, and the user has games for the Nova" is true, and reads as a reason against it."""
    begun = 'Yes. "Rust" is for the Orbit, and the user has '
    behind = 'Yes. "{Rust}" is for the Orbit, and the user has "{Fox}" and "{Iron Wolf}" for the {Orbit}.'
    assert text_of(texts, behind, [FOX, WOLF]) == begun + '"Fox" and "Iron Wolf".'
    leading = 'Yes. "{Rust}" is a Puzzle game, and the user played {Horror} games such as "{Fox}".'
    assert text_of(texts, leading, [FOX]).startswith('Yes. "Rust" is a Puzzle game, and the user played "Fox"')


def test_a_no_and_a_year_are_not_set_beside_the_target(texts: TokenTexts) -> None:
    example = 'No. "{Rust}" is a Puzzle game, and the user played Horror games such as "{Fox}".'
    guide = Guide(tiny.catalogue(), RUST, [FOX], [FOX], facts_of(tiny.catalogue()))
    written = Scripted(texts, texts._tokenizer.eos_token_id, example).write(guide, "No")[0].text
    assert written.endswith('the user played Horror games such as "Fox".')
    catalogue = make_catalogue([{"title": "Rust", "features": ["2015"]}, {"title": "Fox", "features": ["2014"]}])
    guide = Guide(catalogue, RUST, [2], [2], facts_of(catalogue))
    example = 'Yes. "{Rust}" is from 2015, and the user played "{Fox}" from 2014.'
    written = Scripted(texts, texts._tokenizer.eos_token_id, example).write(guide)[0].text
    assert written.endswith('"Fox" from 2014.')


def test_what_leads_to_a_title_behind_and_the_user_is_said_of_that_title(texts: TokenTexts) -> None:
    """Without a comma it was taken for said of the target, and "Puzzle" written, which Fox is not."""
    example = 'Yes. "{Rust}" is new and the user likes a {Horror} game, "{Fox}".'
    assert "Puzzle" not in text_of(texts, example, [FOX])


@pytest.mark.parametrize("sign", [",", ""])
def test_what_the_user_did_is_given_up_alone_where_nothing_is_left_to_cite(texts: TokenTexts, sign: str) -> None:
    example = f'Yes. "{{Rust}}" is a Puzzle game{sign} and the user played "{{Fox}}".'
    assert text_of(texts, example, []) == 'Yes. "Rust" is a Puzzle game.'


def test_what_it_is_said_to_be_does_not_wait_for_a_title(texts: TokenTexts) -> None:
    """ "It is a Horror game, unlike Fox" was taken for said of Fox alone."""
    example = 'Yes. "{Rust}" is new. It is a {Horror} game, unlike "{Fox}".'
    assert text_of(texts, example, [FOX]) == 'Yes. "Rust" is new. It is a Puzzle game, unlike "Fox".'


@pytest.mark.parametrize("like", [", like ", ", just as ", " like ", ", similar to "])
def test_what_is_like_the_target_has_one_of_the_values_that_are_named(like: str) -> None:
    """ "Rust" is a Puzzle game, like "Fox"", a Horror game, is read as if Fox were one, too."""
    told = 'Yes. "Rust" is a Puzzle game'
    place = len(told) + len(like) - len(like.lstrip(", "))
    assert guide_behind_rust([FOX]).look(f'{told}{like}"') == Change(place, "fact", ("",), (None,), back=place)
    for said in (told, 'Yes. "Rust" is a Puzzle game for the Orbit', 'Yes. "Rust" is new'):
        change = guide_behind_rust([GATE]).look(f'{said}{like}"')
        assert change is not None and change.items == (GATE,)
    change = guide_behind_rust([FOX]).look(f'Yes. "Rust" is a Puzzle game, and the user played games{like}"')
    assert change is not None and change.items == (FOX,)


def test_what_all_of_a_list_are_holds_for_the_target_too(texts: TokenTexts) -> None:
    """It was taken for said of the last one, and "both Horror games" written of a Puzzle and a Horror game."""
    example = 'Yes. "{Rust}" and "{Amber Gate}" are both {Puzzle} games.'
    assert text_of(texts, example, [GATE]) == 'Yes. "Rust" and "Amber Gate" are both Puzzle games.'
    for said in ("Puzzle", "Horror", "Orbit"):
        example = f'Yes. "{{Rust}}" and "{{Fox}}" are both {{{said}}} games.'
        assert not any(value in text_of(texts, example, [FOX]) for value in ("Puzzle", "Horror", "Orbit", "Nova"))


def test_this_one_is_the_target(texts: TokenTexts) -> None:
    example = 'Yes. The user played "{Fox}", and this one is a {Puzzle} game for the {Orbit}.'
    assert text_of(texts, example, [FOX]) == example.replace("{", "").replace("}", "")


def test_all_of_a_list_are_like_the_target(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a Puzzle game, like "{Fox}" and "{Iron Wolf}".'
    assert text_of(texts, example, [GATE, FOX]) == 'Yes. "Rust" is a Puzzle game, like "Amber Gate".'


@pytest.mark.parametrize("said", ["Nova", "Orbit"])
def test_a_yes_names_what_both_share(texts: TokenTexts, said: str) -> None:
    example = f'Yes. "{{Rust}}" is for the Orbit, and the user has "{{Rust; Bone; Glory}}" for the {{{said}}}.'
    assert text_of(texts, example, [RUST_BONE]).endswith('"Rust; Bone; Glory" for the Orbit.')


@pytest.mark.parametrize("history, is_new", [([FOX], True), ([FOX, RUST_BONE], False)])
def test_what_is_new_to_the_user_is_like_nothing_that_was_taken(
    texts: TokenTexts, history: list[int], is_new: bool
) -> None:
    catalogue = tiny.catalogue()
    guide = Guide(catalogue, RUST, history, [FOX], facts_of(catalogue))
    example = 'Yes. "{Rust}" is a Puzzle game, something new after "{Fox}".'
    written = "Yes" + Scripted(texts, texts._tokenizer.eos_token_id, example).write(guide)[0].text
    assert written.startswith('Yes. "Rust" is a Puzzle game') and (" new after " in written) == is_new
    assert (written == example.replace("{", "").replace("}", "")) == is_new


@pytest.mark.parametrize("said", ["Astra 2", "Astra 64"])
def test_a_value_that_no_item_has_is_replaced_by_the_one_like_it(texts: TokenTexts, said: str) -> None:
    catalogue = make_catalogue(
        [{"title": "Rust", "features": ["Platform: Astra X"]}, {"title": "Fox", "features": ["Platform: Mira One"]}]
    )
    guide = Guide(catalogue, RUST, [2], [2], facts_of(catalogue))
    example = f'Yes. "{{Rust}}" is for the {said}, unlike "{{Fox}}".'
    written = "Yes" + Scripted(texts, texts._tokenizer.eos_token_id, example).write(guide)[0].text
    assert written.startswith('Yes. "Rust" is for the Astra X')


def test_where_no_value_holds_for_all_the_sentence_ends(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is new, and the user has "{Fox}" and "{Fox on the Run}" for the Orbit, which is new.'
    assert text_of(texts, example, [FOX, FOX_RUN]).startswith(
        'Yes. "Rust" is new, and the user has "Fox" and "Fox on the Run".'
    )


def test_a_value_before_a_title_is_said_of_it(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is new, but the user has {Puzzle} games such as "{Fox}".'
    assert text_of(texts, example, [FOX]) == 'Yes. "Rust" is new, but the user has Horror games such as "Fox".'


@pytest.mark.parametrize("behind", ["", " The user knows Orbit games."])
def test_a_value_of_an_item_that_its_sentence_does_not_name_is_false(texts: TokenTexts, behind: str) -> None:
    """Fox is a Horror game that the text may still cite; "it" is Rust, a Puzzle game."""
    example = f'Yes. "{{Rust}}" is new. It is a {{Horror}} game.{behind}'
    assert text_of(texts, example, [FOX]) == f'Yes. "Rust" is new. It is a Puzzle game.{behind}'


def test_a_list_of_titles_ends_with_its_sentence(texts: TokenTexts) -> None:
    """The title of a new sentence was read as one more of the list before, and what was said of that as said of it."""
    example = 'Yes. The user likes {Racing} games, like "{Amber Gate}". "{End <|end|> Game}" is a {Racing} game.'
    written = write(texts, example, [END, SLOT])
    assert written.text.endswith('" is a Puzzle game.') and written.n_facts == 2


def test_a_value_that_waits_for_a_title_is_not_said_of_the_target(texts: TokenTexts) -> None:
    """Amber Garden is a Horror game for the Orbit, but the text names the target, a Puzzle game for the Nova."""
    example = 'Yes. It is for the {Orbit}, and the user has {Horror} games such as "{The "Quiet" Harbor}".'
    assert text_of(texts, example, [GARDEN], target=QUIET) == (
        'Yes. It is for the Nova, and the user has Horror games such as "Amber Garden".'
    )


def test_a_value_that_waits_is_still_looked_at_when_another_one_was_replaced(texts: TokenTexts) -> None:
    example = 'Yes. "{Iron Wolf}" is of the kind {Horror}, {Horror} and {Nova}, and it is a {Horror} game.'
    assert "Horror" not in text_of(texts, example, [GARDEN], target=FOX_RUN)


def test_a_writer_that_leads_nowhere_is_not_let_go() -> None:
    """After so many clauses given up a text might say what it liked; now it ends, as one that is not shown."""

    class Nowhere(Guide):
        def look(self, text: str, *, ended: bool = False) -> Change:
            return Change(len("Yes"), "fact", ("",), (None,), back=len("Yes"))

    catalogue, texts = tiny.catalogue(), TokenTexts(tiny.tokenizer())
    guide = Nowhere(catalogue, RUST, [GATE], [GATE], facts_of(catalogue))
    draft = Draft(texts, guide, "Yes", texts._tokenizer.eos_token_id, 80)
    tokens = (token for token in range(len(texts.pieces)) if texts.pieces[token].isspace() or texts.has_mark[token])
    for token in [*tokens] * 40:
        if not draft.is_finished:
            draft.take(token)
    assert draft.written().is_cut and guide.facts is not None


def test_two_claims_at_once_are_found_where_they_are() -> None:
    guide = guide_behind_rust([GATE])
    change = guide.look('Yes. "Rust" is an Orbit game by Wolf Works, a Horror game.', ended=True)
    assert change is not None and (change.start, change.results) == (45 - 1, ("a Puzzle",))


def test_a_claim_of_one_series_is_dropped_where_there_is_none(texts: TokenTexts) -> None:
    example = 'Yes. It is new. "{Rust}" is a game in the series of "{Rust II}".'
    assert text_of(texts, example, [RUST_II]) == example.replace("{", "").replace("}", "")
    assert "series" not in text_of(texts, example, [FOX])


def test_a_denied_value_is_no_claim(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is not a Racing game, and it is new.'
    assert text_of(texts, example, [GATE]) == 'Yes. "Rust" is not a Racing game, and it is new.'


def test_a_false_denial_is_not_written(texts: TokenTexts) -> None:
    found = text_of(texts, 'Yes. "{Rust}" is not a Puzzle game. "{Rust}" is like "{Amber Gate}".', [GATE])
    assert found.startswith('Yes. "Rust"') and "not a Puzzle" not in found


@pytest.mark.parametrize(
    "said", ["is not a Puzzle game.", "is not for the Orbit", "isn't a Puzzle game, and it is new."]
)
@pytest.mark.parametrize("cited", [[GATE], None])
def test_what_an_item_has_is_not_denied(said: str, cited: list[int] | None) -> None:
    catalogue, begun = tiny.catalogue(), 'Yes. "Rust"'
    guide = Guide(catalogue, RUST, [GATE], cited, facts_of(catalogue))
    guide.wrote(5, len(begun), RUST)
    assert guide.look(f"{begun} is not a Puzzle") is None  # "… game by Fox Works" may follow
    change = guide.look(f"{begun} {said}", ended=True)
    assert change is not None and (change.back, change.results, change.stop) == (len(begun), (None,), None)
    assert guide.look(f"{begun} {said.replace('Puzzle', 'Racing').replace('Orbit', 'Nova')}", ended=True) is None


@pytest.mark.parametrize("said", ["Puzzle and Puzzle", "Puzzle, Puzzle", "Puzzle and Horror", "Puzzle or Racing"])
def test_a_list_that_has_named_all_values_that_hold_takes_no_other(said: str) -> None:
    """Rust has one genre: "a Puzzle and Puzzle game" says nothing, though both hold."""
    guide = guide_behind_rust([GATE])
    begun = 'Yes. "Rust" is a '
    assert guide.look(f"{begun}Puzzle and") is None
    change = guide.look(f"{begun}{said} game")
    assert change is not None and change.results == (None,)
    assert change.back == len(begun) + len("Puzzle") and change.stop is None  # " and" is written otherwise


def test_a_value_is_named_again_outside_of_its_list() -> None:
    guide = guide_behind_rust([GATE])
    for text in ('Yes. "Rust" is a Puzzle game, so it is a Puzzle game', 'Yes. "Rust" is a Puzzle game. Puzzle games'):
        assert guide.look(text) is None


def test_what_the_target_lacks_is_not_said_to_be_shared(texts: TokenTexts) -> None:
    """It holds for the cited items, and "too" says that it holds for the target."""
    both = 'Yes. "Rust" is a Puzzle game, and the user played '
    example = 'Yes. "{Rust}" is a Puzzle game, and the user played "{Fox}", {Horror} too, again.'
    assert text_of(texts, example, [FOX]).startswith(f'{both}"Fox".')
    example = 'Yes. "{Rust}" is a Puzzle game, and the user played "{Amber Gate}" and "{Quiet}", {Nova} as well, again.'
    assert (
        text_of(texts, example, [GATE, QUIET]) == f'{both}"Amber Gate" and "The "Quiet" Harbor", Puzzle as well, again.'
    )


def test_what_both_share_may_be_said_of_both(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is for the Orbit, and the user played "{Amber Gate}", Puzzle too.'
    written = write(texts, example, [GATE])
    assert "Yes" + written.text == example.replace("{", "").replace("}", "") and written.n_facts == 0


def test_the_target_is_not_among_what_the_user_took(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a Puzzle game. It is new, but the user played Horror games such as "{Rust}".'
    assert text_of(texts, example, [FOX]).endswith('but the user played Horror games such as "Fox".')
    assert text_of(texts, example, []).count("Rust") == 1
    example = 'Yes. "{Rust}" is a Puzzle game. It is new, but the user played games such as "{Rust}".'
    assert text_of(texts, example, [FOX]).endswith('but the user played games such as "Fox".')


@pytest.mark.parametrize("sign", [", but", ", while", " while", " although"])
def test_a_contrast_leaves_what_is_true_of_the_cited(texts: TokenTexts, sign: str) -> None:
    example = f'No. "{{Rust}}" is a Puzzle game{sign} the user played {{Horror}} games such as "{{Fox}}".'
    written = write(texts, "Yes" + example[2:], [FOX])
    assert written.text == example[2:].replace("{", "").replace("}", "") and written.n_facts == 0


def test_a_contrast_names_what_the_target_lacks(texts: TokenTexts) -> None:
    """ "But the user played Puzzle games" is no reason against a Puzzle game."""
    told = 'Yes. "Rust" is a Puzzle game, but the user played '
    example = 'Yes. "{Rust}" is a Puzzle game, but the user played {Puzzle} games such as "{Amber Gate}".'
    assert text_of(texts, example, [GATE]) == f'{told}Nova games such as "Amber Gate".'
    example = 'Yes. "{Rust}" is a Puzzle game, but the user played {Orbit} games such as "{Slot}".'
    assert text_of(texts, example, [RUST_BONE]).startswith(f"{told}Racing games such as")
    example = 'Yes. "{Rust}" is a Puzzle game, but the user played {Horror} games such as "{Fox}".'
    written = write(texts, example, [FOX])
    assert "Yes" + written.text == f'{told}Horror games such as "Fox".' and written.n_facts == 0


@pytest.mark.parametrize("said", ["a Puzzle game ", "the Puzzle and Orbit game "])
@pytest.mark.parametrize("sign", ["and", "or", "&", "as well as"])
def test_what_an_item_is_and_a_title_are_no_list(said: str, sign: str) -> None:
    """ "Rust" is a Puzzle game and "Fox"." says nothing."""
    told = f'Yes. "Rust" is {said}'
    guide = guide_behind_rust([FOX])
    assert guide.look(f'{told}{sign} "') == Change(len(told), "fact", ("",), (None,), back=len(told))


@pytest.mark.parametrize(
    "begun",
    [
        "is a Puzzle game like ",
        "is a Puzzle game, and ",  # "… was enough of that"
        "is an Orbit game. The user liked Puzzle games and ",
        "is a game that fans of Puzzle games and ",
        "is a game and the user liked Puzzle games and ",
    ],
)
def test_what_somebody_likes_and_a_title_are_a_list(begun: str) -> None:
    change = guide_behind_rust([GATE]).look(f'Yes. "Rust" {begun}"')
    assert change is not None and change.kind == "title"


def test_no_word_follows_on_itself() -> None:
    """ "a PC game game": where a tag "PC game" is one token, the LLM may say "game" behind it."""
    guide, told = guide_behind_rust([FOX]), 'Yes. "Rust" is a Puzzle game '
    again = otherwise(len(told))
    assert guide.look(f"{told}game") is None and guide.look(f"{told}gameplay") is None  # it may go on
    assert guide.look(f"{told}game,") == guide.look(f"{told}game", ended=True) == again
    assert guide.look('Yes. "Rust" is a Puzzle game that had had ') is None


@pytest.mark.parametrize("said", ["for the Quanta", "for Quanta", "by Fluxo", "on the Quanta 4"])
def test_a_name_that_the_catalogue_does_not_hold_is_not_written(said: str) -> None:
    """The demo LLM knows platforms of its lessons, and wrote of gift cards "for the Quanta"."""
    guide, told = guide_behind_rust([FOX]), 'Yes. "Rust" is a Puzzle game '
    begun = f"{told}{said.split(' 4')[0]}"
    assert guide.look(begun) is None  # it may go on
    end = len(told) - 1
    given_up = Change(end, "fact", ("",), (None,), back=end, stop=".")
    assert guide.look(f"{begun}, ") == guide.look(begun, ended=True) == given_up
    assert guide.look(f"{told}for the Orbit, ") is None and guide.look(f"{told}by Wolf, ") is None
    assert guide.look(f"{told}for the player, ") is None


@pytest.mark.parametrize(
    "led", ['Yes. "Rust" is a ', 'Yes. "Rust" was an ', 'Yes. "Rust" is a Puzzle game, but the user played ']
)
def test_no_kind_has_a_name_that_the_catalogue_does_not_hold(led: str) -> None:
    """Of gift cards it wrote "a Vanta gift card", and "Prism gift cards such as"."""
    guide = guide_behind_rust([FOX])
    assert guide.look(f"{led}Vanta") is None  # it may go on
    assert guide.look(f"{led}Vanta game") == guide.look(f"{led}Vanta", ended=True) == otherwise(len(led))
    assert guide.look(f"{led}new game") is None and guide.look(f"{led}Fox game") is None


@pytest.mark.parametrize(
    ("value", "said"), [("Comedy", "Comedies"), ("Puzzles", "Puzzle"), ("Puzzle", "Puzzles"), ("Pokémon", "Pok\ufffd")]
)
def test_a_name_in_the_plural_or_with_half_a_letter_is_known(value: str, said: str) -> None:
    catalogue = make_catalogue([{"title": title, "brand": value} for title in ("Rust", "Fox")])
    guide = Guide(catalogue, 1, [2], [2], facts_of(catalogue))
    guide.wrote(5, 11, 1)
    assert guide.look(f'Yes. "Rust" is a {said}') is None
    if said.isalpha():
        assert guide.look(f'Yes. "Rust" is new, and the user played {said} such') is None


def test_what_no_value_can_be_said_of_is_what_all_items_are() -> None:
    """Of a card without a brand nothing but "and" was left to say, once no brand of others was written."""
    for n_others, noun in ((20, "gift card"), (3, None)):
        others = [{"title": f"Card {n}", "brand": f"Brand {n}", "categories": ["Gift Cards"]} for n in range(n_others)]
        catalogue = make_catalogue([{"title": "Rust"}, *others])
        guide = Guide(catalogue, 1, [2], [2], facts_of(catalogue))
        guide.wrote(5, 11, 1)
        change = guide.look('Yes. "Rust" is a Brand 1 gift ')
        assert change is not None and change.start == len('Yes. "Rust" is ' if noun else 'Yes. "Rust" is a ')
        assert change.results == ((f"a {noun}",) if noun else (None,))


@pytest.mark.parametrize(
    "said",
    [
        "for the Quanta. It is new.",
        "for the user played.",
        "for this user bought it.",
        ", but the user played. It is new.",
        ", and this user bought!",
    ],
)
def test_a_sentence_ends_before_what_leads_nowhere(texts: TokenTexts, said: str) -> None:
    example = f'Yes. "{{Rust}}" is a Puzzle game, like "{{Amber Gate}}" {said}'.replace(" ,", ",")
    assert text_of(texts, example, [GATE]) == 'Yes. "Rust" is a Puzzle game, like "Amber Gate".'


def test_what_the_user_did_may_end_a_sentence_about_a_title(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is a Puzzle game, like "{Amber Gate}", which the user played. It is new.'
    assert text_of(texts, example, [GATE]) == example.replace("{", "").replace("}", "")


def test_no_two_blanks_stand_in_a_row() -> None:
    guide, told = guide_behind_rust([FOX]), 'Yes. "Rust" is a '
    assert guide.look(f"{told} ") == otherwise(len(told)) and guide.look(told) is None


def test_a_value_with_a_sign_ends_no_clause() -> None:
    """Behind "Retro; Arcade" nothing was seen to be set against the target, or to be said of the title that follows."""
    catalogue = make_catalogue([
        {"title": "Rust", "categories": ["Retro; Arcade"]},
        {"title": "Fox", "categories": ["Nova"]},
        *[{"title": f"Gate {number}", "categories": ["Puzzle"]} for number in "ABC"],
    ])  # fmt: skip
    guide = Guide(catalogue, 1, [2], [2], facts_of(catalogue))
    guide.wrote(5, 11, 1)
    told = 'Yes. "Rust" is a Retro; Arcade game, but the user played '
    assert guide.look(f"{told}Retro; Arcade games") == Change(len(told), "fact", ("Nova",), ("Nova",))
    assert guide.look(f"{told}Nova games") is None


def test_a_value_that_holds_of_nothing_becomes_a_contrast_and_none_of_the_target(texts: TokenTexts) -> None:
    told = 'Yes. "Rust" is a Puzzle game, but the user played '
    example = 'Yes. "{Rust}" is a Puzzle game, but the user played {Racing} games such as "{Fox}".'
    assert text_of(texts, example, [FOX]) == f'{told}Horror games such as "Fox".'
    example = 'Yes. "{Rust}" is a Puzzle game, but the user played "{Fox}", a {Puzzle} game.'
    assert text_of(texts, example, [FOX]) == f'{told}"Fox", a Horror game.'


@pytest.mark.parametrize("said", ["Puzzle", "Orbit", "Racing"])
def test_without_a_value_that_the_target_lacks_none_is_set_against_it(texts: TokenTexts, said: str) -> None:
    """Both are Puzzle games for the Orbit: the title is named without a value."""
    told = 'Yes. "Rust" is a Puzzle game, but the user played '
    for games in (f"{{{said}}} games such as", f"a {{{said}}} game,"):
        example = f'Yes. "{{Rust}}" is a Puzzle game, but the user played {games} "{{End <|end|> Game}}".'
        assert text_of(texts, example, [END]).startswith(f'{told}"End <|end|> Game"')
    example = (
        f'Yes. "{{Rust}}" is a Puzzle game, but the user played "{{End <|end|> Game}}", {{{said}}} too. It is new.'
    )
    assert text_of(texts, example, [END]).startswith(f'{told}"End <|end|> Game".')


def test_a_list_of_contrasts_ends_with_the_last_one() -> None:
    """Hoshi differs in one genre."""
    guide = guide_behind_rust([HOSHI])
    begun = 'Yes. "Rust" is a Puzzle game, but the user played '
    assert guide.look(f"{begun}Horror and") is None
    change = guide.look(f"{begun}Horror and Orbit games")
    assert change is not None and change.results == (None,) and change.back == len(begun) + len("Horror")


@pytest.mark.parametrize("behind", ["", ". It is new.", ", and more of it."])
@pytest.mark.parametrize("said", ["{Horror}", "a {Horror} game", "{Horror} and {Nova}"])
def test_a_contrast_that_names_no_item_becomes_its_title(texts: TokenTexts, said: str, behind: str) -> None:
    """A value of an item that no title names cannot be checked; one of the target would be no contrast."""
    example = f'Yes. "{{Rust}}" is a Puzzle game, but the user played {said}{behind}'
    written = text_of(texts, example, [FOX])
    assert written.startswith('Yes. "Rust" is a Puzzle game, but the user played "Fox"'), written


@pytest.mark.parametrize("said", ["Horror", "Horror and Puzzle", "Puzzle"])
def test_without_an_item_to_cite_nothing_is_set_against_the_target(texts: TokenTexts, said: str) -> None:
    example = f'Yes. "{{Rust}}" is a Puzzle game, but the user played {said} games. It is new.'
    assert text_of(texts, example, []).startswith('Yes. "Rust" is a Puzzle game.')


def test_what_is_said_of_the_target_behind_a_but_is_no_contrast(texts: TokenTexts) -> None:
    example = 'Yes. "{Rust}" is new, but it is a {Horror} game, and the user played "{Fox}".'
    assert text_of(texts, example, [FOX]) == 'Yes. "Rust" is new, but it is a Puzzle game, and the user played "Fox".'


@pytest.mark.parametrize("turn", [" is a Puzzle game, but", " is a Puzzle game but", ", but", " but"])
def test_a_contrast_needs_no_comma_and_nothing_said_before(texts: TokenTexts, turn: str) -> None:
    """Fox is a Horror game for the Nova; what the user did was taken for what the target is."""
    told = f'Yes. "Rust"{turn} the user played'
    example = f'Yes. "{{Rust}}"{turn} the user played {{Puzzle}} games such as "{{Fox}}".'
    assert text_of(texts, example, [FOX]) == f'{told} Horror games such as "Fox".'


def test_a_contrast_is_not_said_to_be_shared(texts: TokenTexts) -> None:
    """Hoshi and Rust are games for the Orbit: one value was written for "too", and set against the target."""
    example = 'Yes. "{Rust}" is a Puzzle game, but the user played "{星の庭 Hoshi}", {Horror} too.'
    written = text_of(texts, example, [HOSHI])
    assert written.startswith('Yes. "Rust" is a Puzzle game, but the user played "星の庭 Hoshi", Horror'), written
    assert "too" not in written and "Orbit" not in written


@pytest.mark.parametrize("said", ["Orbit", "Orbit Nova"])
def test_of_two_values_the_one_with_which_the_other_begins_can_be_chosen(texts: TokenTexts, said: str) -> None:
    """Once "Orbit" is written, " Nova" was all that could follow."""

    class Offers(Guide):
        def look(self, text: str, *, ended: bool = False) -> Change | None:
            place, options = len("Yes. It is for the "), ("Orbit Nova", "Orbit")
            return Change(place, "fact", options, options) if "Horror" in text else None

    guide = Offers(tiny.catalogue(), RUST, [FOX], [FOX])
    end = texts._tokenizer.eos_token_id
    draft = Draft(texts, guide, "Yes", end, 80)
    wanted = f". It is for the {said}, and new."
    for token in texts.encode(". It is for the Horror,"):
        draft.take(token)
    while not draft.is_finished:
        rest = wanted[len(texts.decode(draft.tokens)) :]
        allowed = draft.allowed or range(len(texts.pieces))
        fits = {token: len(texts.pieces[token]) for token in allowed if rest.startswith(texts.pieces[token])}
        draft.take(max(allowed, key=lambda token: fits.get(token, 0.5 * (token == end))))
    assert draft.written().text == wanted
