from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from recexplainer.app import models as opening
from recexplainer.app.models import Models, open_models, registered_explainers
from recexplainer.core.errors import InputError
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
    known = {"models:/a@x": one, "models:/b@x": two, "models:/c@x": SimpleNamespace(recommender=tiny.mf(seed=1))}
    monkeypatch.setattr(opening, "load", lambda address: SimpleNamespace(responder=known[address]))
    assert list(open_models({"behaviour": "models:/a@x", "both": "models:/b@x"}).responders) == ["behaviour", "both"]
    with pytest.raises(InputError, match="models:/c@x: explains another recommender than models:/a@x"):
        open_models({"behaviour": "models:/a@x", "both": "models:/c@x"})
