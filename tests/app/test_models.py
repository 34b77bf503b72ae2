from __future__ import annotations

from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from recexplainer.app import models as opening
from recexplainer.app.models import Models, open_models, registered_explainers
from recexplainer.core.errors import InputError
from recexplainer.evidence.counterfactuals import Bounds
from tests import tiny


def test_the_modes_that_have_the_alias_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def version_at(address: str) -> None:
        if "intention" in address or address.endswith("@production"):
            raise InputError("no alias")

    monkeypatch.setattr(opening.registry, "version_at", version_at)
    settings = replace(tiny.settings(), align=replace(tiny.settings().align, modes=["intention", "behaviour", "both"]))
    assert registered_explainers(settings, "candidate") == {
        mode: f"models:/recexplainer-demo-explainer-{mode}@candidate" for mode in ("behaviour", "both")
    }
    with pytest.raises(InputError, match="registry: no explainer of demo has the alias 'production'"):
        registered_explainers(settings, "production")


def test_explainers_of_two_recommenders_are_refused(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = models.responders["behaviour"], models.responders["both"]
    known: dict[str, Any] = {
        "models:/a@x": one,
        "models:/b@x": two,
        "models:/c@x": SimpleNamespace(recommender=tiny.mf(seed=1)),
    }
    monkeypatch.setattr(opening, "load", lambda address: SimpleNamespace(responder=known[address]))
    assert list(open_models({"behaviour": "models:/a@x", "both": "models:/b@x"}).responders) == ["behaviour", "both"]
    bounded, shorter = copy(two), copy(two)
    bounded._bounds = Bounds(5, 0.3, 0.3)
    shorter._explainer = copy(two._explainer)
    shorter._explainer.settings = two._explainer.settings | {"max_history": 2}
    for known["models:/d@x"] in (bounded, shorter):
        with pytest.raises(InputError, match="models:/d@x: has other titles, shares of liked and disliked items"):
            open_models({"behaviour": "models:/a@x", "both": "models:/d@x"})
    with pytest.raises(InputError, match="models:/c@x: explains another recommender than models:/a@x"):
        open_models({"behaviour": "models:/a@x", "both": "models:/c@x"})
