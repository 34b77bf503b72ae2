"""A reply as a card in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from recexplainer.explaining.html import note, removal
from recexplainer.explaining.reply import Reason, Reply

_WIDTH = 120  # at most, and where there is no terminal


def print_card(who: str, reply: Reply) -> None:
    """Print a reply; nothing that it says is read as markup.

    Args:
        who: Whose history it is.
        reply: What is said.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    console.print(_card(who, reply))


def _card(who: str, reply: Reply) -> Panel:
    item = reply.item
    sure = "" if reply.p_yes is None else f" (p(Yes) {reply.p_yes:.2f})"
    score = "" if reply.score is None else f", score {reply.score:.3f}"
    decided = f"rank {reply.rank} of {reply.n_ranked}{score}, recommender {reply.label or 'undecided'}"
    parts: list[Text | Table] = [
        Text(f"{decided}, explainer {reply.verdict or 'undecided'}{sure}", style="dim"),
        Text(),
        Text(reply.text),
        *([Text(reply.counterfactual)] if reply.counterfactual else []),
    ]
    if reply.defects:
        parts.append(Text(note(reply), style="italic"))
    parts += [table for name, reasons in _tables(reply) for table in (Text(), _table(name, reply, reasons))]
    title = Text(f'{who}, item {item.id} ({item.raw_id}) "{item.title}"', style="bold")
    return Panel(Group(*parts), title=title, title_align="left", box=box.ROUNDED)


def _tables(reply: Reply) -> list[tuple[str, Sequence[Reason]]]:
    """What is cited and what carries the decision; once, where it is the same."""
    cited, evidence = ([reason.id for reason in reasons] for reasons in (reply.cited, reply.evidence))
    tables = [("cited and evidence", reply.cited)] if cited == evidence else [
        ("cited", reply.cited), ("evidence", reply.evidence)]  # fmt: skip
    return [(name, reasons) for name, reasons in tables if reasons]


def _table(name: str, reply: Reply, reasons: Sequence[Reason]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in (name, "raw id", ""):
        table.add_column(Text(head), style="" if head == name else "dim")
    for reason in reasons:
        table.add_row(Text(reason.title), Text(reason.raw_id or ""), Text(removal(reply, reason)))
    return table
