"""The request for an explanation: a Jinja template words it around the user and the item.

A template sees marks in place of vectors, histories and items; they are replaced after rendering by what
`PromptWriter` writes. So no title is parsed, none can become a slot, and a template works in every form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateSyntaxError, UndefinedError, meta

from recexplainer.core.errors import InputError, did_you_mean
from recexplainer.core.records.explanation import PromptRequest
from recexplainer.core.settings import Explain
from recexplainer.core.templates import sandbox
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.prompting import wording
from recexplainer.prompting.aspects import values_under
from recexplainer.prompting.chat import Content, Slot
from recexplainer.prompting.prompts import Form, PromptWriter, merge_text

VARIABLES = ("audience", "focus", "form", "history", "item", "max_sentences", "user", "wording")
ITEM_ATTRIBUTES = ("title", "brand", "categories", "price", "facts")
_EMBEDDED = "templates/request.jinja"
_MARK = "\ue000"  # of no prepared title: they hold no private characters
_MARKED = re.compile(f"({_MARK}\\d+{_MARK})")
_WORDING = {name: value for name, value in vars(wording).items() if name.isupper() and isinstance(value, str)}


class ShownItem:
    """An item as a template sees it: written out it is a mark, which becomes the item's line, with what is known of it
    under the focus; what else the catalogue knows is looked up when asked for.

    Args:
        mark: The placeholder of the item until the template is rendered.
        describe: Gives the `ITEM_ATTRIBUTES`; None in a form that shows vectors alone.
    """

    def __init__(self, mark: str, describe: Callable[[], dict[str, Any]] | None) -> None:
        self._mark = mark
        self._describe = describe

    def __str__(self) -> str:
        return self._mark

    def __getattr__(self, name: str) -> Any:
        if name not in ITEM_ATTRIBUTES or self._describe is None:
            raise AttributeError(name)
        return self._describe()[name]


@dataclass(frozen=True)
class Request:
    """How an explanation is asked for: a template, and what it is told.

    Attributes:
        name: The template's file; None for the embedded one.
        text: The template as it is in the file.
        template: The same, compiled.
        focus: The aspect to speak of above all.
        max_sentences: The length that is asked for.
        audience: Whom the explanation is for.
    """

    name: str | None
    text: str
    template: Template
    focus: str | None
    max_sentences: int | None
    audience: str | None

    def content(self, writer: PromptWriter, example: Example, form: Form) -> list[str | Slot]:
        """The prompt about an example's user and first item, in one form.

        Raises:
            InputError: The template fails, or shows no item or no user.
        """
        pieces: dict[str, Content] = {}

        def mark(content: Content) -> str:
            made = f"{_MARK}{len(pieces)}{_MARK}"
            pieces[made] = content
            return made

        def shown(item_id: int) -> ShownItem:
            if form == "intention":
                return ShownItem(mark(writer.item(form, item_id)), None)
            facts = _facts(writer, item_id, self.focus)
            describe = partial(_describe, writer.catalogue, item_id, facts)
            return ShownItem(mark(writer.item(form, item_id, facts)), describe)

        values: dict[str, Any] = {
            "form": form,
            "item": shown(example.items[0]),
            "focus": self.focus,
            "max_sentences": self.max_sentences,
            "audience": self.audience,
            "wording": _WORDING,
        }
        if form != "behaviour":
            values["user"] = mark([Slot("user", example.vector_row)])
        if form != "intention":
            values["history"] = [shown(item_id) for item_id in example.history]
        parts = _MARKED.split(self._rendered(values, form))
        self._check_shown(values, parts)
        return merge_text([piece for part in parts if part for piece in pieces.get(part, [part])])

    def as_record(self) -> PromptRequest:
        """What an explanation says of its request."""
        digest = sha256(self.text.encode("utf-8")).hexdigest()
        return PromptRequest(self.name, digest, self.focus, self.max_sentences, self.audience)

    def _rendered(self, values: dict[str, Any], form: Form) -> str:
        try:
            return self.template.render(values)
        except Exception as error:  # what a template computes may fail in any way
            hint = f" in the form {form}" if isinstance(error, UndefinedError) else ""
            raise InputError(f"{self._place(error)}: {_reason(error)}{hint}") from error

    def _check_shown(self, values: dict[str, Any], parts: list[str]) -> None:
        users = [str(mark) for mark in (values.get("user"), *values.get("history", [])) if mark is not None]
        if str(values["item"]) not in parts:
            raise InputError(f"{self._file}: does not show the item: add {{{{ item }}}} where it should appear")
        if users and not set(users) & set(parts):
            raise InputError(f"{self._file}: shows nothing of the user: add {{{{ user }}}} or the history")

    @property
    def _file(self) -> str:
        return f"explain.template: {self.name or _EMBEDDED}"

    def _place(self, error: Exception) -> str:
        """The file and, where the error came up in it, the line."""
        trace, line = error.__traceback__, None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.template.filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        return self._file if line is None else f"{self._file}: line {line}"


def load_request(settings: Explain) -> Request:
    """The request that the parameters describe.

    Raises:
        InputError: The template cannot be read, is not Jinja, or names an unknown variable.
    """
    name = settings.template
    text = _embedded() if name is None else _read(name)
    template = _compiled(text, name or _EMBEDDED)
    return Request(name, text, template, settings.focus, settings.max_sentences, settings.audience)


def _facts(writer: PromptWriter, item_id: int, focus: str | None) -> list[str]:
    """What is known of an item under the focus and does not stand in its line without it."""
    if not focus:
        return []
    line = writer.item_text(item_id).casefold()
    return [fact for fact in values_under(writer.catalogue, item_id, focus) if fact.casefold() not in line]


def _describe(catalogue: Catalogue, item_id: int, facts: list[str]) -> dict[str, Any]:
    """What a template may ask of an item."""
    known = catalogue.attributes(item_id)
    return {
        "title": _plain(catalogue.title(item_id)),
        "brand": _plain(known["brand"]),
        "categories": [_plain(category) for category in known["categories"]],
        "price": known["price"],
        "facts": [_plain(fact) for fact in facts],
    }


def _plain(text: str) -> str:
    return text.replace(_MARK, "")


def _embedded() -> str:
    return files("recexplainer.prompting").joinpath(_EMBEDDED).read_text(encoding="utf-8")


def _read(name: str) -> str:
    path = Path(name)
    if not path.is_file():
        raise InputError(f"explain.template: {name} is not a file; give a Jinja template, or null for the embedded one")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"explain.template: {name} cannot be read: {error}") from None


def _compiled(text: str, name: str) -> Template:
    """A template that can neither reach out of its sandbox nor roll dice.

    Raises:
        InputError: It is not Jinja, or names an unknown variable.
    """
    environment = sandbox()
    try:
        unknown = meta.find_undeclared_variables(environment.parse(text)) - {*VARIABLES, *environment.globals}
        template = environment.from_string(text)
    except TemplateSyntaxError as error:
        raise InputError(f"explain.template: {name}: line {error.lineno}: {error.message}") from None
    if unknown:
        first = min(unknown)
        hint = did_you_mean(first, VARIABLES)
        raise InputError(f"explain.template: {name}: unknown variable {first!r}; {hint}")
    return template


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
