"""Tables to take away: links that hold their file, so that the page stays one file and needs no script for them."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

from recexplainer.report.sections.common import Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is a formula to a spreadsheet, unless it is a number


def table_link(table: Table) -> str:
    """A table as a CSV file, in a link."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(["", "", *map(plain_cell, table.columns)])
    writer.writerows(
        [plain_cell(group.title), plain_cell(row.name), *(plain_cell(cell.text) for cell in row.cells)]
        for group in table.groups
        for row in group.rows
    )
    return data_link(written.getvalue(), "text/csv")


def tables_link(tables: dict[str, list[Table]]) -> str:
    """All tables of the page as a JSON file, by section, in a link."""
    found = {name: [_as_rows(table) for table in of] for name, of in tables.items() if of}
    return data_link(json.dumps(found, ensure_ascii=False, indent=1), "application/json")


def data_link(text: str, media_type: str) -> str:
    """A text as an address that holds it.

    >>> data_link("a", "text/csv")
    'data:text/csv;charset=utf-8;base64,YQ=='
    """
    return f"data:{media_type};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def plain_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, with minus signs that it reads.

    >>> plain_cell("=1+1"), plain_cell("−0.5"), plain_cell("Quiet Harbor")
    ("'=1+1", '-0.5', 'Quiet Harbor')
    """
    number = text.replace("−", "-")
    try:
        float(number)
    except ValueError:
        return f"'{text}" if text.startswith(FORMULA) else text
    return number


def _as_rows(table: Table) -> dict[str, Any]:
    return {
        "caption": table.caption,
        "rows": [
            {"group": group.title, "name": row.name}
            | {"figures": dict(zip(table.columns, (cell.text for cell in row.cells), strict=False))}
            for group in table.groups
            for row in group.rows
        ],
    }
