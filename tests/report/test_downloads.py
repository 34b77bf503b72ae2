"""Tables in links: the same figures as on the page, and no cell that a spreadsheet would run."""

import base64
import csv
import io
import json
import re
from html import unescape

from recexplainer.report.downloads import table_link, tables_link
from recexplainer.report.page import build_page
from recexplainer.report.sections.common import Cell, Group, Row, Table

TABLE = Table(
    ["HR@5", "p"],
    [Group("Ours", [Row("=cmd()", [Cell("−0.125"), Cell("< .001")]), Row('"a", b', [Cell("–")])])],
    "A table",
)


def content(link):
    return base64.b64decode(link.partition("base64,")[2]).decode()


def test_a_table_is_a_csv_file_whose_numbers_are_numbers_and_whose_titles_are_no_formulas():
    rows = list(csv.reader(io.StringIO(content(table_link(TABLE)), newline="")))
    assert rows == [["", "", "HR@5", "p"], ["Ours", "'=cmd()", "-0.125", "< .001"], ["Ours", '"a", b', "–"]]


def test_all_tables_are_one_json_file_by_section():
    found = json.loads(content(tables_link({"evidence": [TABLE], "judge": []})))
    assert list(found) == ["evidence"]
    assert found["evidence"][0]["rows"][0] == {
        "group": "Ours", "name": "=cmd()", "figures": {"HR@5": "−0.125", "p": "< .001"}
    }  # fmt: skip


def test_every_table_of_the_page_has_its_link(inputs):
    page = build_page(inputs, 2)
    links = [unescape(link) for link in re.findall('download="table.csv" href="([^"]*)"', page)]
    assert len(links) == len(re.findall("<thead>", page)) - page.count('class="confusion"')
    whole = json.loads(content(re.search('download="tables.json" href="([^"]*)"', page).group(1)))
    assert {"recommender", "alignment", "judge", "faithfulness"} <= set(whole)
    assert sum(map(len, whole.values())) == len(links)
