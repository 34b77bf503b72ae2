from __future__ import annotations

from recexplainer.tracking.naming import run_description, run_name


def test_long_options_do_not_make_long_names() -> None:
    name = run_name("explain_users", "demo", {"source": "both", "users": "1 2\n3 " * 100})
    assert name.startswith("explain_users both 1 2 3 1") and name.endswith("… (demo)") and len(name) < 80
    assert run_name("audit", "demo", {"against": " "}) == "audit (demo)"


def test_a_description_says_of_what_also_without_words() -> None:
    assert run_description("", "books", {"mode": "both"}) == "Data set: books; mode: both"
