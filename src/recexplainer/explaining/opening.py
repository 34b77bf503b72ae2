"""Registered explainers in Python: `recexplainer.load`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from recexplainer.core.settings.explaining import Audience
from recexplainer.explaining.reply import NamedItem, Reply
from recexplainer.explaining.respond import MAX_TOP_K, NEW_TOKENS, Question, Responder, open_responder
from recexplainer.serving.fields import read_histories, read_number
from recexplainer.tracking import registry

Name = int | str


@dataclass(frozen=True)
class LoadedExplainer:
    """A registered explainer that is asked in Python; several threads may ask it, and take turns.

    Items are named as the served model takes them: by raw id (``"B0901344"``), title (``"title:Wicked Temple IV"``) or
    catalogue id (``42``).
    """

    responder: Responder
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def search(self, words: str = "", n: int = 10) -> list[NamedItem]:
        """The first `n` items of the catalogue whose titles hold some words, in any case; without words: of all."""
        found = (item for item in self.responder.names.items() if words.casefold() in item.title.casefold())
        return list(islice(found, n))

    def explain(
        self,
        history: Sequence[Name],
        item: Name,
        *,
        max_new_tokens: int = NEW_TOKENS,
        focus: str | None = None,
        audience: Audience | None = None,
        max_sentences: int | None = None,
    ) -> Reply:
        """Explain the recommender's decision on an item for a history.

        Args:
            history: Items, oldest first.
            item: What is asked about.
            max_new_tokens: The text's greatest length.
            focus: The aspect to speak of above all.
            audience: Whom the explanation is for.
            max_sentences: The length that is asked for.

        Raises:
            InputError: If an item is unknown or ambiguous, or an option is out of range.
        """
        options = self.responder.read_options(
            {
                "max_new_tokens": max_new_tokens,
                "focus": focus,
                "audience": audience,
                "max_sentences": max_sentences,
            }
        )
        question = Question(self._read(history), self.responder.names.find(item, "item"))
        with self._turn:
            [reply] = self.responder.answer([question], options)
        return reply

    def explain_best(self, history: Sequence[Name], k: int = 5, *, max_new_tokens: int = NEW_TOKENS) -> list[Reply]:
        """Explain the recommender's `k` best items for a history, best first.

        Raises:
            InputError: See `explain`.
        """
        options = self.responder.read_options({"max_new_tokens": max_new_tokens})
        known, n_wanted = self._read(history), read_number({"k": k}, "k", k, 1, MAX_TOP_K)
        with self._turn:
            items = self.responder.best_items(known, n_wanted)
            return self.responder.answer([Question(known, item) for item in items], options)

    def _read(self, history: Sequence[Name]) -> list[int]:
        given = history if isinstance(history, str) else list(history)  # a text is not a list of its letters
        [known] = read_histories([given], self.responder.names.find, 1)
        return known


def load(address: str, base: str | None = None) -> LoadedExplainer:
    """Open a registered explainer.

    Args:
        address: ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        base: The folder of the base LLM. None: where RECEXPLAINER_BASE says, or where it was during alignment, seen
            from the working folder.

    Raises:
        InputError: If there is no such version, or it is not an explainer, or its files or its base LLM were changed.
    """
    pulled = registry.pull_version(address)
    return LoadedExplainer(open_responder(pulled.folder, base, pulled.name, pulled.version, pulled.content_sha256))
