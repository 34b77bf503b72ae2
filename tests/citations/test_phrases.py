from recexplainer.citations.phrases import PhraseIndex, is_numeral, plain, plain_words, tokens


def test_tokens_carry_their_place() -> None:
    text = 'Rust;  "Bone"'
    found = tokens(text)
    assert [token.text for token in found] == ["Rust", ";", '"', "Bone", '"']
    assert [text[token.start : token.end] for token in found] == [token.text for token in found]


def test_plain_spelling_drops_case_accents_and_signs_but_no_letters_of_other_scripts() -> None:
    assert plain("ÉTOILE  du—Nord") == "etoile du nord" == plain("E\u0301toile du Nord")
    assert plain("星の庭") == "星の庭"
    assert plain("ガラス") != plain("カラス")  # glass and crow: the voicing mark is no accent
    assert plain("“…”") == ""
    assert [word.text for word in plain_words("Sci-Fi, E\u0301toile")] == ["sci", "fi", "etoile"]


def test_numerals_are_digits_and_small_roman_numbers() -> None:
    assert [word for word in ["ii", "64", "crown", "mix", "x", "2k"] if is_numeral(word)] == ["ii", "64", "x"]


def test_longest_phrase_comes_first_and_others_after_it() -> None:
    index = PhraseIndex(
        [
            (("iron", "drift"), 1),
            (("iron", "drift", "ii"), 2),
            (("drift",), 3),
            ((), 4),
            (("iron", "drift"), 5),
        ]
    )
    words = ["the", "iron", "drift", "ii"]
    assert len(index) == 3
    assert index.at(words, 1) == [(3, [2]), (2, [1, 5])]
    assert index.at(words, 2) == [(1, [3])]
    assert index.at(words, 3) == index.at(words, 0) == []
    assert index.at(["iron"], 0) == []  # cut off at the end of the text


def test_a_phrase_at_the_end_is_not_taken_for_a_longer_one() -> None:
    index = PhraseIndex([(("fox",), 1), (("fox", "iii"), 2), (("fox", "on", "the", "run"), 3)])
    assert index.at(["a", "fox", "iii"], 1) == [(2, [2]), (1, [1])]
    assert index.at(["a", "fox"], 1) == [(1, [1])]
