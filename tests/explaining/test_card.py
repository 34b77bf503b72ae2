from __future__ import annotations

import pytest

from recexplainer.explaining.card import print_card
from recexplainer.explaining.reply import NamedItem, Origin, Reason, Reply


def test_a_card_says_all_and_reads_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    title = "[bold]Fox[/bold] :smile:"
    cited = [Reason(1, "B1", title, True, 0.5, 7, 0.2), Reason(None, None, "[/]", False, None, None, None)]
    reply = Reply(
        item=NamedItem(3, "B3", title), label="Yes", verdict="No", p_yes=0.25, text=f"No. Unlike {title}.",
        counterfactual=f"Without {title} …",
        text_by="both", defects=[], score=1.5, rank=2, n_ranked=9, cited=cited, evidence=cited[:1],
        model=Origin(None, None, None),
    )  # fmt: skip
    print_card("user 2 (U2)", reply)
    printed = capsys.readouterr().out
    assert f'user 2 (U2), item 3 (B3) "{title}"' in printed and f"No. Unlike {title}." in printed
    assert "rank 2 of 9, score 1.500, recommender Yes, explainer No (p(Yes) 0.25)" in printed
    assert printed.count("rank 2 → 7 without it") == 2 and "[/]" in printed and "not in the catalogue" in printed
    assert f"Without {title} …" in printed
    assert "not shown" not in printed and "\x1b" not in printed
