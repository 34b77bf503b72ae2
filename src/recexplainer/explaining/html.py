"""A reply as HTML, for notebooks: every word of the catalogue and of the text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recexplainer.explaining.reply import Reason, Reply


def reply_as_html(reply: Reply) -> str:
    """A heading, the text, and tables of what it cites and of what carries the decision."""
    sure = "" if reply.p_yes is None else f", p(Yes) {reply.p_yes:.2f}"
    decided = f"recommender: {reply.label or 'undecided'}, rank {reply.rank} of {reply.n_ranked}"
    parts = [
        "<div>",
        f"<p><b>{escape(reply.item.title)}</b> ({escape(reply.item.raw_id)})<br>",
        f"{decided}; explainer: {reply.verdict or 'undecided'}{sure}</p>",
        f"<blockquote>{escape(reply.text)}</blockquote>",
        f"<p>{escape(reply.counterfactual)}</p>" if reply.counterfactual else "",
    ]
    if reply.defects:
        parts.append(f"<p><i>{escape(note(reply))}</i></p>")
    parts += [_table("Cited", reply, reply.cited), _table("Evidence", reply, reply.evidence), "</div>"]
    return "\n".join(filter(None, parts))


def note(reply: Reply) -> str:
    """Why the text is not the explainer's own; "" if it is."""
    if not reply.defects:
        return ""
    why = ", ".join(reply.defects).replace("_", " ")
    return f"The explainer's own text is not shown ({why}): these are the recommender's reasons."


def removal(reply: Reply, reason: Reason) -> str:
    """What taking an item out of the history does to the decided one's rank."""
    if reason.rank_without is not None:
        return f"rank {reply.rank} → {reason.rank_without} without it"
    return "not in the history" if reason.id is not None else "not in the catalogue"


def _table(name: str, reply: Reply, reasons: Sequence[Reason]) -> str:
    if not reasons:
        return ""
    cells = [(reason.title, reason.raw_id or "", removal(reply, reason)) for reason in reasons]
    rows = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in cells]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><tr><th>{name}</th><th>raw id</th><th></th></tr>{body}</table>"
