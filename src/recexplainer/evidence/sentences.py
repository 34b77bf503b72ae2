"""Sentences about evidence: a Jinja file words them, in any language, and the program fills in titles and numbers.

A file defines the macros `counterfactual(c)` and `explanation(e)`. `c` has the fields of a `Counterfactual`, with
titles in the place of items; `e` is an `Account`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateSyntaxError

from recexplainer.core.errors import InputError
from recexplainer.core.records.evidence import Counterfactual, Evidence
from recexplainer.core.templates import sandbox
from recexplainer.data.catalogue import Catalogue
from recexplainer.evidence.perturbation import Decision

MACROS = ("counterfactual", "explanation")
_EMBEDDED = "templates/english.jinja"
_WHERE = "explain.sentences"


@dataclass(frozen=True)
class Account:
    """What a recommender itself says of a decision.

    Attributes:
        label: Yes, No, or None for an item between the liked and the disliked ones.
        item: The decided item's title.
        rank: Its rank from 1 with the whole history.
        n_ranked: Among how many items.
        evidence: Titles of the shown items that carry the decision, strongest first.
        attributes: Of each of them, what tells why it counts: for a Yes what the decided item has, too, for a No what
            it lacks; empty lists where the catalogue knows nothing.
        carrier: Where the evidence is: `shown`, `older`, `nothing`.
        older: Title of the strongest item that is not shown, if any carries the decision.
        older_is_stronger: Whether that one carries more of it than any item of `evidence` (than all, if jointly).
        variant: How items were deleted.
        counterfactuals: As the macro `counterfactual` sees them.
    """

    label: str | None
    item: str
    rank: int
    n_ranked: int
    evidence: list[str]
    attributes: list[list[str]]
    carrier: str
    older: str | None
    older_is_stronger: bool
    variant: str
    counterfactuals: list[dict[str, Any]]


@dataclass(frozen=True)
class Sentences:
    """The words of a language.

    Attributes:
        name: The file; None for the embedded English.
        text: What it holds.
        template: The same, compiled.
    """

    name: str | None
    text: str
    template: Template

    def counterfactual(self, said: Counterfactual, catalogue: Catalogue) -> str:
        """A sentence with the numbers of a counterfactual.

        Raises:
            InputError: The file fails.
        """
        return self._written("counterfactual", with_titles(said, catalogue))

    def explanation(self, account: Account) -> str:
        """Two or three sentences about a decision.

        Raises:
            InputError: The file fails.
        """
        return self._written("explanation", account)

    def as_record(self) -> dict[str, str | None]:
        """What an explanation's record says of its words."""
        return {"template": self.name, "template_sha256": sha256(self.text.encode("utf-8")).hexdigest()}

    def _written(self, macro: str, value: Any) -> str:
        try:
            return " ".join(str(getattr(self.template.module, macro)(value)).split())
        except Exception as error:  # what a template computes may fail in any way
            raise InputError(f"{_WHERE}: {self.name or _EMBEDDED}: {macro}: {error}") from error


def load_sentences(name: str | None) -> Sentences:
    """The sentences of a file, or the embedded English ones.

    Raises:
        InputError: It is not a readable Jinja file, or lacks a macro.
    """
    text = _read(name)
    try:
        template = sandbox().from_string(text)
        missing = [macro for macro in MACROS if not hasattr(template.module, macro)]
    except TemplateSyntaxError as error:
        raise InputError(f"{_WHERE}: {name}: line {error.lineno}: {error.message}") from None
    except Exception as error:  # code outside the macros may fail in any way
        raise InputError(f"{_WHERE}: {name}: {error}") from error
    if missing:
        raise InputError(f"{_WHERE}: {name}: has no macro {missing[0]!r}; it should define {' and '.join(MACROS)}")
    return Sentences(name, text, template)


def with_titles(said: Counterfactual, catalogue: Catalogue) -> dict[str, Any]:
    """The fields of a counterfactual, with titles in the place of items."""
    replacement = None if said.replacement is None else catalogue.title(said.replacement)
    named = {"removed": _titles(said.removed, catalogue), "replacement": replacement}
    return asdict(said) | named | {"item": catalogue.title(said.item_id)}


def account_of(
    decision: Decision,
    label: str | None,
    rank: int,
    n_ranked: int,
    evidence: Evidence,
    counterfactuals: Sequence[Counterfactual],
    attributes: Sequence[Sequence[str]],
    catalogue: Catalogue,
) -> Account:
    """What the sentences of a decision are made of, with titles in the place of items."""
    carried = sum(evidence.strengths) if evidence.joint else max(evidence.strengths, default=0.0)
    return Account(
        label=label,
        item=catalogue.title(decision.item_id),
        rank=rank,
        n_ranked=n_ranked,
        evidence=_titles(evidence.items, catalogue),
        attributes=[list(values) for values in attributes],
        carrier=evidence.carrier,
        older=None if evidence.older is None else catalogue.title(evidence.older),
        older_is_stronger=(evidence.older_strength or 0.0) > carried,
        variant=evidence.variant,
        counterfactuals=[with_titles(said, catalogue) for said in counterfactuals],
    )


def _titles(items: Sequence[int], catalogue: Catalogue) -> list[str]:
    return [catalogue.title(item) for item in items]


def _read(name: str | None) -> str:
    if name is None:
        return files("recexplainer.evidence").joinpath(_EMBEDDED).read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{_WHERE}: {name} cannot be read ({error}); give a Jinja file, or null for English") from None
