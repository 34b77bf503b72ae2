import pytest

from recexplainer.citations.sharing import opposed_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<Up> is a Drama, but the user saw ", "Up"),
        ("<Up> is a Drama, but you saw ", "Up"),
        ("<Up> is a Drama, and it is new, but the user saw Comedy and ", "Up"),
        ("No. <Up> is for $4.99 a Drama, but the user saw <Alien>, a ", "Up"),
        ("<Alien> is old. <Up> is a Drama, but the user saw movies such as <Alien>, <Jaws> and other ", "Up"),
        ("<It: this. but the user!> is a Drama, but the user saw <This, it> and ", "It: this. but the user!"),
        ("<Up> is a Drama, but it is a ", None),
        ("<Up> is a Drama, but the user knows it as a ", None),
        ("<Up> is a Drama, but the user saw movies. It is a ", None),
        ("<Up> is a Drama. It is new, but the user saw ", "Up"),
        ("No. It is a Drama, but the user saw ", None),
        ("<Up> is a Drama. So <Jaws> is not, but the user saw ", "Jaws"),
        ("<Up> is a Drama, whereas this user saw ", "Up"),
        ("<Up> is new, but the user saw Comedy; ", None),
        ("<Up, but the user> is a ", None),
        ("It is new, but the user saw <Up>, a ", None),
        ("", None),
    ],
)
def test_what_is_set_against_a_title(text: str, title: str | None) -> None:
    titles, plain = [], ""
    for part in text.split("<"):
        name, closing, rest = part.partition(">")
        if closing:
            titles.append((len(plain), len(plain) + len(name)))
        plain += name + rest
    found = opposed_title(plain, len(plain), titles)
    assert (None if found is None else plain[slice(*titles[found])]) == title
