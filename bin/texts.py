"""Write docs/results/explanations.md: cases of the demo drawn at random, with the text of each source, guided and free.

recexplainer run
cp -r results guided
for source in behaviour intention both; do
    recexplainer explain --source $source -S explain.evidence=free -S explain.facts=free
done
python bin/texts.py guided results
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from recexplainer.core.records.explanation import Explanation
from recexplainer.store.typed import read_records

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results" / "explanations.md"
SOURCES = ("behaviour", "intention", "both")
HEAD = """\
# Explanations of the demo

`bin/texts.py` writes this page from a finished demo, explained guided and free: {n} of its {total} cases, drawn at
random (seed {seed}).
*Guided* is the default: the titles are the recommender's [evidence](../explanation/evidence.md), and attributes hold
for their items. *Free* is what the same explainer writes when nothing guides it. `template` has no LLM. A text with a
fault that the program finds is marked with it; the report and a served explainer show the text of `template` in its
place.
"""


def page(guided: dict[str, list[Explanation]], free: dict[str, list[Explanation]], n: int, seed: int) -> str:
    """The page in Markdown, about the same cases for all sources."""
    total = len(guided["template"])
    rows = sorted(int(row) for row in np.random.default_rng(seed).choice(total, size=n, replace=False))
    parts = [HEAD.format(n=n, total=total, seed=seed)]
    for number, row in enumerate(rows, start=1):
        case = guided["template"][row]
        asked = history(guided["both"][row])
        parts.append(f"## {number}. {case.label}, rank {case.rank} of {case.n_ranked}\n\n{_quoted(asked)}\n")
        lines = [("`template`", case)]
        for source in SOURCES:
            lines += [(f"`{source}`, guided", guided[source][row]), (f"`{source}`, free", free[source][row])]
        table = "\n".join(f"| {name} | {_cell(told)} |" for name, told in lines)
        parts.append(f"| source | text |\n|---|---|\n{table}\n")
    return "\n".join(parts)


def history(told: Explanation) -> str:
    """The items of the prompt, one a line, and the item that is asked about."""
    lines = [_escaped(line.removeprefix("<item> ")) for line in told.prompt.splitlines() if line.startswith("<item> ")]
    return "  \n".join([*lines[:-1], f"→ {lines[-1]}"])


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _cell(told: Explanation) -> str:
    faults = f" **[{', '.join(told.defects)}]**" if told.defects else ""
    return _escaped(told.text).replace("|", "\\|").replace("\n", " ") + faults


def _escaped(text: str) -> str:
    """A title may hold what a page takes for a tag."""
    return text.replace("<", "&lt;")


def main() -> None:
    """Read the two folders of results and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("guided", type=Path)
    parser.add_argument("free", type=Path)
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    told = [
        {source: read_records(folder / f"explanations_{source}.jsonl", Explanation, "") for source in sources}
        for folder, sources in ((options.guided, (*SOURCES, "template")), (options.free, SOURCES))
    ]
    PAGE.write_text(page(*told, options.n, options.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
