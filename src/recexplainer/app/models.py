"""What the page opens: registered explainers, and the recommender whose decisions they explain."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import torch

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.data.catalogue import Catalogue
from recexplainer.explaining.cases import Case
from recexplainer.explaining.opening import load
from recexplainer.explaining.respond import Options, Question, Responder
from recexplainer.explaining.template import TemplateWriter
from recexplainer.recommenders.base import Recommender
from recexplainer.tracking import registry


@dataclass(frozen=True)
class Models:
    """Explainers of one recommender; several people may ask them, and take turns.

    The recommender itself may be asked at any time.

    Attributes:
        responders: The explainers, by mode.
        template: Says what the recommender itself says.
        versions: Names the registered versions, one per explainer.
    """

    responders: dict[str, Responder]
    template: TemplateWriter
    versions: list[str]
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def recommender(self) -> Recommender:
        """Whose decisions are explained."""
        return self.template.recommender

    @property
    def catalogue(self) -> Catalogue:
        """Its items."""
        return self.template.prompts.catalogue

    @property
    def any_responder(self) -> Responder:
        """One of them, for what all have in common."""
        return next(iter(self.responders.values()))

    def case(self, history: list[int], item: int) -> Case:
        """The recommender's decision on an item."""
        [case] = self.any_responder.cases([Question(history, item)])
        return case


def registered_explainers(settings: Settings, alias: str) -> dict[str, str]:
    """The addresses of the explainers that have an alias, by mode.

    Raises:
        InputError: There are none.
    """
    dataset, found = settings.dataset.name, {}
    for mode in settings.align.modes:
        address = f"models:/{registry.registered_name(dataset, f'explainer-{mode}')}@{alias}"
        try:
            registry.version_at(address)
        except InputError:
            continue
        found[mode] = address
    if not found:
        raise InputError(
            f"registry: no explainer of {dataset} has the alias {alias!r}; run recexplainer run, or give --alias"
        )
    return found


def open_models(addresses: dict[str, str]) -> Models:
    """Open explainers.

    Args:
        addresses: By mode, such as ``models:/<name>@<alias>``.

    Raises:
        InputError: A version cannot be opened, or they explain different recommenders or decisions.
    """
    responders = {mode: load(address).responder for mode, address in addresses.items()}
    first, *others = responders.values()
    for address, other in zip(list(addresses.values())[1:], others, strict=True):
        if not _equal(first.recommender, other.recommender):
            raise InputError(
                f"{address}: explains another recommender than {next(iter(addresses.values()))}; open versions that "
                "were aligned to the same one"
            )
        if not _decides_alike(first, other):
            raise InputError(
                f"{address}: has other titles, shares of liked and disliked items, or max_history than "
                f"{next(iter(addresses.values()))}; open versions of one alignment"
            )
    versions = [f"{own.origin.name} version {own.origin.version}" for own in responders.values()]
    return Models(responders, first.template(Options()), versions)


def _decides_alike(one: Responder, other: Responder) -> bool:
    """Whether two explainers of one recommender name its items alike, and are asked the same of its decisions."""
    n = one.recommender.n_items
    question = Question(list(range(1, min(n, 100) + 1)), n)  # long enough to be cut as each cuts it
    return (
        list(one.names.items()) == list(other.names.items())
        and one.template(Options()).bounds == other.template(Options()).bounds
        and one.cases([question]) == other.cases([question])
    )


def _equal(one: Recommender, other: Recommender) -> bool:
    """Whether two recommenders give a history of some items the same scores."""
    if one.n_items != other.n_items:
        return False
    histories = [[1], list(range(1, min(one.n_items, 20) + 1))]
    return torch.equal(one.scores(histories).cpu(), other.scores(histories).cpu())
