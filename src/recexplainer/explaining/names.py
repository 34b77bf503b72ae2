"""Items as people name them: by catalogue id, by the raw data's id, or by title."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from recexplainer.citations.citations import title_index
from recexplainer.citations.phrases import plain
from recexplainer.core.errors import InputError
from recexplainer.data.catalogue import Catalogue
from recexplainer.explaining.reply import NamedItem
from recexplainer.serving.fields import shown, whole_number

RAW, TITLE, ID = "raw", "title", "id"
MAX_CANDIDATES = 4  # items that a message lists
_SUFFIX = re.compile(r"(.+?) \([^()]*\)")  # what `prepare` appends to tell items of one title apart


class ItemNames:
    """Finds the item that a name means.

    A whole number is an id of the catalogue, and so is ``id:12``. A text is a raw id, with or without ``raw:`` before
    it. ``title:Rust`` is a title, in any spelling that differs in case, accents and signs alone; without the part in
    parentheses that tells items of one title apart, it names all of them.

    Args:
        catalogue: The items.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._titles = title_index(catalogue)
        self.raw_ids = ["", *catalogue.frame["raw_id"].astype(str)]
        self._by_raw_id = {raw_id: item for item, raw_id in enumerate(self.raw_ids) if item}
        self._twins: dict[str, list[int]] = defaultdict(list)
        for item, title in enumerate(catalogue.titles):
            if bare := _SUFFIX.fullmatch(title):
                self._twins[plain(bare[1])].append(item)

    def items(self) -> Iterator[NamedItem]:
        """All items, by their catalogue ids."""
        return (NamedItem(item, self.raw_ids[item], title) for item, title in enumerate(self._catalogue.titles) if item)

    def find(self, name: Any, where: str) -> int:
        """The item's id in the catalogue.

        Args:
            name: What was sent or typed.
            where: Begins the message about a name of no item, or of several.

        Raises:
            InputError: It does.
        """
        if not isinstance(name, str):
            return self._number(name, where)
        kind, colon, rest = name.partition(":")
        if colon and kind == ID:
            return self._number(int(rest) if rest.isdecimal() and len(rest) < 16 else rest, where)
        if colon and kind == TITLE:
            return self._by_title(rest, where)
        return self._by_raw(rest if colon and kind == RAW else name, where)

    def _number(self, value: Any, where: str) -> int:
        number, n = whole_number(value), self._catalogue.n_items
        if number is None or not 1 <= number <= n:
            raise InputError(
                f"{where}: expected a whole number from 1 to {n}, or a raw id or title:<title> as text, "
                f"got {shown(value)}"
            )
        return number

    def _by_raw(self, raw_id: str, where: str) -> int:
        if raw_id in self._by_raw_id:
            return self._by_raw_id[raw_id]
        hint = ""
        if raw_id in self._catalogue.item_of_title:
            hint = f"; it is a title: write {shown(f'{TITLE}:{raw_id}')}"
        elif raw_id.isdecimal() and len(raw_id) < 16:
            hint = f"; the catalogue's id is written as a number, or {ID}:{int(raw_id)}"
        raise InputError(f"{where}: the catalogue has no item with the raw id {shown(raw_id)}{hint}")

    def _by_title(self, title: str, where: str) -> int:
        exact = self._catalogue.item_of_title.get(title)
        found = [exact] if exact else self._titles.normalised(title) or self._twins.get(plain(title), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"{where}: {len(found)} items have the title {shown(title)}: {self._listed(found)}; name one of them"
            )
        near = difflib.get_close_matches(plain(title), [plain(name) for name in self._near(title)], n=1)
        hint = f"; did you mean {self._catalogue.title(self._titles.normalised(near[0])[0])!r}?" if near else ""
        raise InputError(f"{where}: no item has the title {shown(title)}{hint}")

    def _near(self, title: str) -> list[str]:
        return [self._catalogue.title(item) for item in self._titles.candidates(title)]

    def _listed(self, items: Sequence[int]) -> str:
        named = [f"{self._catalogue.title(item)!r} ({RAW}:{self.raw_ids[item]})" for item in items[:MAX_CANDIDATES]]
        more = f" and {len(items) - MAX_CANDIDATES} more" if len(items) > MAX_CANDIDATES else ""
        return ", ".join(named) + more
