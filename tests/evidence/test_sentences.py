from dataclasses import replace
from pathlib import Path

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.records.evidence import Counterfactual, Evidence, Kind, Label, Variant
from recexplainer.evidence.perturbation import Decision
from recexplainer.evidence.sentences import Account, account_of, load_sentences
from tests.faithfulness.fakes import make_games

GERMAN = """
{% macro counterfactual(c) %}Ohne „{{ c.removed|join("“, „") }}“ Rang {{ c.rank_after }}{% endmacro %}
{% macro explanation(e) %}{{ {"Yes": "Ja", "No": "Nein"}[e.label] }}.{% endmacro %}
"""


def said(kind: Kind = "removal", label: Label = "Yes", variant: Variant | None = "shift", **changes: object) -> str:
    values = {"item_id": 2, "removed": [1], "replacement": None, "limit": 5, "rank_before": 2, "rank_after": 31}
    fields = values | {"n_ranked": 190, "smallest": True} | changes
    found = Counterfactual(kind=kind, label=label, variant=variant, **fields)  # type: ignore[arg-type]
    return load_sentences(None).counterfactual(found, make_games())


def test_english_sentences() -> None:
    assert said() == 'Without "Ember Crown" (as if never taken) it would fall from rank 2 to 31 of 190.'
    assert said(removed=[1, 3, 10], variant="mask") == (
        'Without "Ember Crown", "Iron Drift - Nova 64" and "Journey" (their places left empty) it would fall from '
        "rank 2 to 31 of 190."
    )
    assert said(label="No", rank_before=150, rank_after=60, variant="mask") == (
        'Without "Ember Crown" (its place left empty) it would rise from rank 150 to 60 of 190.'
    )
    assert said("none", rank_after=4) == (
        "No item shown here would change the decision: whichever of them are left out (as if never taken), it would "
        "fall no further than rank 4 of 190."
    )
    assert "left out one by one, or in the sets that were tried (as if" in said("none", rank_after=4, smallest=False)
    assert said("none", "No", "mask", rank_after=140) == (
        "No item shown here would change the decision: whichever of them are left out (their places left empty), it "
        "would rise no higher than rank 140 of 190."
    )
    replaced = {"variant": None, "replacement": 10, "rank_before": 9}
    assert said("replacement", rank_after=1, **replaced) == 'With "Journey" instead of "Ember Crown" it would be first.'  # type: ignore[arg-type]
    assert said("replacement", "No", rank_after=3, **replaced) == (  # type: ignore[arg-type]
        'With "Journey" instead of "Ember Crown" it would rise from rank 9 to 3.'
    )


def test_titles_are_words_and_no_template() -> None:
    assert '"Slot <item> Machine"' in said(removed=[8])
    assert '"The "Quiet" Harbor"' in said(removed=[5])


def test_a_file_words_them_in_another_language(tmp_path: Path) -> None:
    path = tmp_path / "german.jinja"
    path.write_text(GERMAN, encoding="utf-8")
    found = Counterfactual("removal", "Yes", 2, [1, 10], None, "shift", 5, 2, 31, 190, True)
    sentences = load_sentences(str(path))
    assert sentences.counterfactual(found, make_games()) == "Ohne „Ember Crown“, „Journey“ Rang 31"
    assert sentences.as_record()["template"] == str(path)
    assert sentences.as_record()["template_sha256"] != load_sentences(None).as_record()["template_sha256"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{% macro counterfactual(c) %}", "line 1"),
        ("{% macro counterfactual(c) %}x{% endmacro %}", "has no macro 'explanation'"),
        ("{{ nothing }}" + GERMAN, "'nothing' is undefined"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "words.jinja"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="explain.sentences: .*words.jinja.*") as caught:
        load_sentences(str(path))
    assert message in str(caught.value)


def test_a_macro_that_asks_for_what_is_not_there_or_reaches_out_is_one_line(tmp_path: Path) -> None:
    found = Counterfactual("removal", "Yes", 2, [1], None, "shift", 5, 2, 31, 190, True)
    for asked in ("c.nothing", "c.__class__.__mro__"):
        path = tmp_path / "words.jinja"
        path.write_text(GERMAN.replace("c.rank_after", asked), encoding="utf-8")
        with pytest.raises(InputError, match="counterfactual: "):
            load_sentences(str(path)).counterfactual(found, make_games())


def test_what_no_single_item_carries_is_not_put_down_to_anything_else() -> None:
    """Many items may carry a decision together, a little each: nothing is concluded from each carrying little."""
    account = Account("Yes", "Journey", 3, 190, [], [], "nothing", None, False, "shift", [])
    text = load_sentences(None).explanation(account)
    assert text == 'Yes. "Journey" is at rank 3 of 190; no single item of the history carries much of this.'
    older = load_sentences(None).explanation(replace(account, carrier="older", older="Iron Drift"))
    assert "no single item shown here carries much of this" in older


def test_where_an_older_item_carries_more_the_shown_ones_are_not_above_all() -> None:
    catalogue, decision = make_games(), Decision([2, 3], 1, 1, "Yes")
    for older_strength, first in ((0.4, "older items of the user; of those shown here, because of "), (0.2, "")):
        evidence = Evidence([3], [0.3], "shift", "recommender", 2, older_strength)
        account = account_of(decision, "Yes", 3, 9, evidence, [], [[]], catalogue)
        text = load_sentences(None).explanation(account)
        assert text.endswith(f'above all because of {first}"{catalogue.title(3)}".')


def test_an_older_item_is_compared_with_all_that_carry_the_decision_together() -> None:
    evidence = Evidence([3, 4], [0.3, 0.3], "shift", "recommender", 2, 0.4, joint=True)
    account = account_of(Decision([2, 3, 4], 1, 2, "Yes"), "Yes", 3, 9, evidence, [], [[], []], make_games())
    assert not account.older_is_stronger and "older items" not in load_sentences(None).explanation(account)
