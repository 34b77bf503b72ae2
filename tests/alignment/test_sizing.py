"""What a budget of minutes allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from recexplainer.alignment.sizing import OUTPUT_RANK, TARGETS, as_parameters, estimated_minutes, sizes_for
from recexplainer.core.settings import Settings, load_settings
from recexplainer.store.presets import merge
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(("n_users", "n_items"), [(600, 200), (610, 9_724), (50_000, 17_000), (1_000_000, 1_000_000)])
def test_more_minutes_never_keep_less(n_users: int, n_items: int) -> None:
    before = (0, 0, 0)
    for minutes in (10, 20, 40, 60, 120, 240):
        sizes = sizes_for(n_users, n_items, minutes)
        kept = (sizes.max_items or n_items, sizes.max_users or n_users, sizes.steps)
        assert all(now >= then for now, then in zip(kept, before, strict=True))
        assert 0 < sizes.epochs <= 1
        before = kept


def test_every_item_that_is_kept_is_taught() -> None:
    for n_items in (100, 600, 5_000, 100_000):
        sizes = sizes_for(1_000, n_items, 60)
        assert sizes.steps >= (sizes.max_items or n_items)


@pytest.mark.parametrize("minutes", [30, 60, 120])
@pytest.mark.parametrize(("n_users", "n_items"), [(600, 200), (610, 9_724), (50_000, 17_000)])
def test_sizes_are_estimated_to_fit_the_budget_that_they_were_made_for(
    n_users: int, n_items: int, minutes: float
) -> None:
    sizes = sizes_for(n_users, n_items, minutes)
    kept = sizes.max_users or n_users, sizes.max_items or n_items
    assert estimated_minutes(sized(as_parameters(sizes, n_items, 1.0)), *kept, adapts=True) < 1.2 * minutes


@pytest.mark.parametrize("n_items", [100, 800, 20_000])
def test_users_slots_start_as_the_adapted_llm_was_taught_to_read_them(n_items: int) -> None:
    align = as_parameters(sizes_for(5_000, n_items, 60), n_items, 0.7)["align"]
    assert align["warm_start_top"] == 0.7


def test_the_adapter_reaches_every_linear_layer_of_the_embedded_llm_and_its_output() -> None:
    model = AutoModelForCausalLM.from_pretrained(REPOSITORY / "demo_llm" / "model")
    linear = {name.rsplit(".", 1)[-1] for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    assert set(TARGETS.split(",")) == linear and "lm_head" in linear
    assert not model.config.tie_word_embeddings  # an adapted output layer would change the embeddings, too
    align = sized(as_parameters(sizes_for(5_000, 800, 60), 800, 1.0)).align
    assert align.lora.targets == TARGETS and align.slots_per_user == 2
    assert align.lora.ranks == {"lm_head": OUTPUT_RANK} and model.config.hidden_size > OUTPUT_RANK


def test_without_the_adaptation_it_takes_less() -> None:
    settings = load_settings(REPOSITORY / "params.yaml")
    assert estimated_minutes(settings, 600, 200, adapts=False) < estimated_minutes(settings, 600, 200, adapts=True)
    more = replace(settings, run=replace(settings.run, parallel=1))
    assert estimated_minutes(more, 600, 200, adapts=False) > estimated_minutes(settings, 600, 200, adapts=False)


def sized(changes: dict[str, object]) -> Settings:
    import yaml

    from recexplainer.core.settings import parse_settings

    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    merge(values, changes)
    return parse_settings(values)
