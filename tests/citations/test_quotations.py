import pytest

from recexplainer.citations.quotations import quotations


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", []),
        ("no quotation", []),
        ('"A" and "B, C".', ["A", "B, C"]),
        ("“A” and «B» and „C“", ["A", "B", "C"]),
        ('cut off: "A", "B', ["A"]),
        ('cut off "A and then "B" here', ["B"]),
        ('a 7" tablet like "A"', ["A"]),
        ('("A")', ["A"]),
        ('""', []),
        ("« A », « B », C ; »D« !", [" A ", " B ", "D"]),
        ('The outer "The "inner" one" counts', ['The "inner" one']),
    ],
)
def test_quoted_strings(text: str, quoted: list[str]) -> None:
    found = [text[quotation.start : quotation.end] for quotation in quotations(text, [])]
    assert [string for string in found if string] == quoted


def test_inner_quotations_are_kept_with_the_outer_one() -> None:
    text = '"The "Quiet" Harbour"'
    (outer,) = quotations(text, [])
    assert [text[inner.start : inner.end] for inner in outer.inside] == ["Quiet"]


def test_marks_inside_of_taken_spans_are_not_looked_at() -> None:
    text = '"A" and "B"'
    assert [text[found.start : found.end] for found in quotations(text, [(0, 3)])] == ["B"]
