from __future__ import annotations

import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.items import build_catalogue, clean_titles
from tests.data.test_items import raw_items


def test_attributes_are_read_without_a_row_of_the_frame_for_each_item(monkeypatch):
    rows = [{"raw_id": str(n), "title": f"Title {n}", "categories": [str(n)], "price": "$2"} for n in range(5)]
    catalogue = Catalogue(build_catalogue(clean_titles(raw_items(*rows), True), True)[0])
    monkeypatch.setattr(pd.DataFrame, "iloc", property(lambda frame: pytest.fail("took a row")))
    assert [catalogue.attributes(item)["categories"] for item in range(1, 6)] == [[str(n)] for n in range(5)]
    assert catalogue.attributes(3)["price"] == 2.0


def test_a_frame_that_breaks_its_promises_is_refused():
    frame, _, _ = build_catalogue(
        clean_titles(raw_items({"raw_id": "A", "title": "A"}, {"raw_id": "B", "title": "B"}), False), False
    )
    with pytest.raises(InputError, match="in order"):
        Catalogue(frame.assign(item_id=[0, 1]))
    with pytest.raises(InputError, match="titles must be unique"):
        Catalogue(frame.assign(title=["A", "A"]))
    with pytest.raises(InputError, match="and not empty"):
        Catalogue(frame.assign(title=["A", ""]))
