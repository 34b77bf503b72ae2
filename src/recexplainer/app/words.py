"""Words of the catalogue and of models on the page: never read as markup."""

from __future__ import annotations

import string
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_JOINER = "\N{WORD JOINER}"  # invisible; between a sign and its neighbours, so that www., -- and :red[ are not found
_PAIRED = "\\`*_~$[]<>&"  # a joiner does not disarm these; a backslash does, though screen readers may say it
_SIGNS = str.maketrans(
    {sign: f"{_JOINER}{sign}{_JOINER}" for sign in string.punctuation}
    | {sign: f"{_JOINER}\\{sign}{_JOINER}" for sign in _PAIRED}
)


def label(text: str) -> str:
    r"""A text for the label of a widget, which Streamlit reads as Markdown.

    >>> label("a*b: c").replace("\u2060", "")
    'a\\*b: c'
    """
    return " ".join(text.translate(_SIGNS).split())


def html(part: str, **given: Any) -> str:
    """A part of the page; all that is given is escaped.

    Args:
        part: A macro of templates/parts.jinja.
        given: Its arguments.
    """
    return str(getattr(_parts(), part)(**given)).strip()


def style() -> str:
    """The page's own style, as an element."""
    return f"<style>{resources.files('recexplainer.app').joinpath('templates', 'page.css').read_text('utf-8')}</style>"


@cache
def _parts() -> Any:
    loader = PackageLoader("recexplainer.app", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("parts.jinja").module
