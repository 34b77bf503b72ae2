"""What the catalogue knows of an item under one aspect, such as its platform, franchise or price."""

from __future__ import annotations

from recexplainer.citations.attributes import attribute_index
from recexplainer.data.catalogue import Catalogue

BRAND, FRANCHISE, PRICE = "brand", "franchise", "price"


def values_under(catalogue: Catalogue, item_id: int, aspect: str) -> list[str]:
    """The values of an item under an aspect, in the catalogue's order; empty where nothing is known.

    ``price`` and ``brand`` are columns of the catalogue, ``franchise`` is the series that titles show. Any other word
    is looked for among the features: "platform" finds "Platform: Nova 64".

    Args:
        catalogue: Where the attributes are.
        item_id: The item.
        aspect: One or more words, in any case.
    """
    wanted = aspect.strip().casefold()
    attributes = catalogue.attributes(item_id)
    if wanted == PRICE:
        return [] if attributes["price"] is None else [f"{attributes['price']:.2f}"]
    if wanted == BRAND:
        return [attributes["brand"]] if attributes["brand"] else []
    if wanted == FRANCHISE:
        index = attribute_index(catalogue)
        number = index.series_of_item[item_id]
        return [] if number is None else [index.names[number]]
    named = [feature.partition(":") for feature in attributes["features"]]
    values = [value.strip() for name, _, value in named if name.strip().casefold() == wanted]
    return [value for value in values if value]
