from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.chat import ChatEncoder, Encoded, Slot
from recexplainer.prompting.prompts import FORMS, PromptWriter, common_categories, merge_text, readable
from recexplainer.tasks import interest_classification, item_ranking, next_item_retrieval
from recexplainer.tasks.rendering import fit_answers, render
from tests import tiny
from tests.faithfulness.fakes import make_catalogue

HISTORY = [3, 5, 3, 8, 1]
USER = Example(next_item_retrieval.NAME, "test", [2], user_id=1, position=5, vector_row=4, history=HISTORY)
RANKING = replace(USER, task=item_ranking.NAME, answer=[7, 6, 10], items=[6, 7, 10])
INTEREST = replace(USER, task=interest_classification.NAME, answer="Yes", items=[6])


def test_behaviour_writes_users_and_items_as_text_alone() -> None:
    content = render(tiny.writer(), INTEREST, "behaviour")
    assert content == [
        "History, oldest first:\nRust; Bone; Glory (Orbit)\n星の庭 Hoshi (Orbit)\nRust; Bone; Glory (Orbit)\n"
        "Fox (Nova)\nRust (Orbit)\nWill the user like this item? Answer Yes or No.\nSlot <item> Machine (Nova)"
    ]


def test_intention_writes_them_as_vectors_alone() -> None:
    content = render(tiny.writer(), INTEREST, "intention")
    assert [piece for piece in content if isinstance(piece, Slot)] == [Slot("user", 4), Slot("item", 6)]
    text = "".join(piece for piece in content if isinstance(piece, str))
    assert not any(title in text for title in tiny.TITLES) and wording.HISTORY not in text


def test_both_writes_a_vector_before_every_title() -> None:
    content = render(tiny.writer(), INTEREST, "both")
    slots = [piece for piece in content if isinstance(piece, Slot)]
    assert slots == [Slot("user", 4), *(Slot("item", item) for item in HISTORY), Slot("item", 6)]
    for place, piece in enumerate(content):
        if isinstance(piece, Slot) and piece.kind == "item":
            assert str(content[place + 1]).startswith(" " + tiny.TITLES[piece.row - 1] + " (")


@pytest.mark.parametrize("form", FORMS)
def test_candidates_stand_as_the_answer_repeats_them(form: Any) -> None:
    shown = readable(render(tiny.writer(), RANKING, form)).split(wording.ITEM_RANKING + "\n")[1].split("\n")
    titles = ["Slot <item> Machine", "End <|end|> Game", "Amber Gate"]
    expected = {"behaviour": titles, "intention": ["<item>"] * 3, "both": [f"<item> {title}" for title in titles]}
    assert shown == expected[form]


def test_the_users_part_comes_first_so_that_questions_share_it() -> None:
    for form in FORMS:
        starts = {tuple(render(tiny.writer(), example, form))[0] for example in (USER, RANKING, INTEREST)}
        beginnings = {str(start)[:30] for start in starts}
        assert len(beginnings) == 1


def test_categories_that_most_items_share_are_left_out() -> None:
    assert common_categories(tiny.catalogue()) == {"Video Games"}
    assert tiny.writer(0).item_text(6) == "Slot <item> Machine"
    assert tiny.writer(1).item_text(6) == "Slot <item> Machine (Nova)"
    assert tiny.writer(5).item_text(6) == "Slot <item> Machine (Nova, Racing)"


CARD = {"categories": ["Cards"]}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"brand": "Ulta"}, {"brand": "Pho"}, {}], [["Ulta"], ["Pho"], []]),
        ([{"categories": ["Cards", "Red"], "brand": "Ulta"}, {}, {"brand": "Pho"}], [["Ulta", "Red"], [], ["Pho"]]),
        ([{"categories": ["Pho"], "brand": "Pho"}, {"brand": "Ulta"}, {}], [["Pho"], ["Ulta"], []]),
        ([{"brand": "Ulta"}, {"brand": "Ulta"}, {"brand": "Pho"}], [[], [], ["Pho"]]),  # one that most items have
        ([{"brand": "cards"}, {"brand": "B"}, {"brand": "Pho"}], [[], [], ["Pho"]]),  # what all are; a title
        (
            [{"brand": "Maria von der Heide"}, {"brand": "Anna, Ben and Carl Berg"}, {}],
            [["Maria von der Heide"], [], []],
        ),
        (
            [{"categories": ["Red"], "brand": "Ulta"}, {"categories": ["Blue"], "brand": "Pho"}, {}],
            [["Red"], ["Blue"], ["Cards"]],
        ),
    ],
)
def test_a_brand_is_told_where_most_items_have_no_telling_category(items: Any, expected: Any) -> None:
    catalogue = make_catalogue([{"title": title, **CARD, **item} for title, item in zip("ABC", items, strict=True)])
    writer = PromptWriter(catalogue, 2)
    assert [writer.categories(item) for item in (1, 2, 3)] == expected
    assert writer.categories(0) == [] and PromptWriter(catalogue, 0).item_text(1) == "A"


def fit(*given: Any) -> Encoded:
    [encoded] = fit_answers(*given)
    return encoded


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("example", [RANKING, INTEREST], ids=["ranking", "interest"])
def test_what_is_too_long_loses_its_oldest_history_and_nothing_else(form: Any, example: Example) -> None:
    encoder, writer = ChatEncoder(tiny.tokenizer()), tiny.writer()
    whole = fit(encoder, writer, example, form, 10_000)
    least = fit(encoder, writer, replace(example, history=[]), form, 10_000)
    for budget in range(len(least), len(whole) + 1, 7):
        encoded = fit(encoder, writer, example, form, budget)
        assert len(encoded) <= budget
        options = [fit(encoder, writer, replace(example, history=HISTORY[start:]), form, 10_000) for start in range(6)]
        fitting = next(option for option in options if len(option) <= budget)  # as much history as there is room for
        assert encoded.input_ids.tolist() == fitting.input_ids.tolist()
        items = encoded.item_slots[encoded.item_slots >= 0].tolist()
        wanted = example.items if form != "behaviour" else []
        assert items[len(items) - len(wanted) :] == wanted
        text = encoder.tokenizer.decode(encoded.input_ids)
        if form != "intention":
            assert all(tiny.TITLES[item - 1] in text for item in example.items)
        assert (encoded.user_slots == 4).sum() == (form != "behaviour")
        assert text.startswith("<|user|>") and "<|end|><|assistant|>" in text
        assert encoded.n_targets == whole.n_targets


def test_a_prompt_that_does_not_fit_without_history_is_refused() -> None:
    with pytest.raises(InputError, match=r"task item_ranking needs \d+ tokens without any history, more than the 20"):
        fit(ChatEncoder(tiny.tokenizer()), tiny.writer(), RANKING, "both", 20)


def test_all_choices_follow_one_prompt_that_the_longest_of_them_fits() -> None:
    encoder, writer = ChatEncoder(tiny.tokenizer()), tiny.writer()
    answers = [1, 6, 3]  # their titles differ in length
    example = Example("next_item_retrieval", "train", [1], 1, 5, 4, HISTORY, choices=answers, shares=[0.5, 0.3, 0.2])
    n_tokens = set()
    for budget in range(20, 120, 4):
        try:
            found = fit_answers(encoder, writer, example, "behaviour", budget, weight=2.0)
        except InputError:
            continue
        prompts = {tuple(one.input_ids[: len(one) - one.n_targets]) for one in found}
        assert len(prompts) == 1 and max(map(len, found)) <= budget
        assert len({len(one) for one in found}) > 1 and [one.weight for one in found] == [1.0, 0.6, 0.4]
        assert [encoder.tokenizer.decode(one.targets[one.targets >= 0]) for one in found] == [
            f"{tiny.TITLES[item - 1]}<|end|>" for item in answers
        ]
        n_tokens.add(max(map(len, found)))
    assert len(n_tokens) > 2  # the history was cut, further and further


def test_an_explanation_goes_on_after_its_verdict() -> None:
    encoder, writer = ChatEncoder(tiny.tokenizer()), tiny.writer()
    plain = fit(encoder, writer, INTEREST, "behaviour", 1000)
    explained = fit(encoder, writer, replace(INTEREST, aspect=interest_classification.EXPLAIN), "behaviour", 1000)
    assert plain.n_targets == len(encoder.answer_ids("Yes")) + 1
    assert explained.n_targets == len(encoder.answer_ids("Yes"))


def test_an_answer_of_items_is_their_titles_one_per_line() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    encoded = fit(encoder, tiny.writer(), RANKING, "behaviour", 1000)
    answer = encoder.tokenizer.decode(encoded.targets[encoded.targets >= 0])
    assert answer == "End <|end|> Game\nSlot <item> Machine\nAmber Gate<|end|>"


def test_merged_text_reads_the_same() -> None:
    content = ["a", "b", Slot("user", 0), Slot("item", 1), "c", "d"]
    assert merge_text(content) == ["ab", Slot("user", 0), Slot("item", 1), "cd"]
    assert readable(content) == "ab<user><item>cd"
