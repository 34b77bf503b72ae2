from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from recexplainer.recommenders.losses import full_softmax_loss, sampled_softmax_loss


def drawn(n_positions: int = 10, n_items: int = 7, dim: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """States, item vectors with the padding's row, and targets."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(n_positions, dim, dtype=torch.float64, generator=generator, requires_grad=True)
    items = torch.randn(n_items + 1, dim, dtype=torch.float64, generator=generator, requires_grad=True)
    return states, items, torch.randint(1, n_items + 1, (n_positions,), generator=generator)


def sampled(states: Tensor, items: Tensor, targets: Tensor, negatives: Tensor, logits_at_once: int = 10**6) -> Tensor:
    n_items = len(items) - 1
    return sampled_softmax_loss(states, items[targets], items[negatives], targets, negatives, n_items, logits_at_once)


@pytest.mark.parametrize("logits_at_once", [1, 7 * 3, 10**6])
def test_chunked_loss_is_cross_entropy_with_its_gradients(logits_at_once):
    states, items, targets = drawn()
    ours = full_softmax_loss(states, items, targets, logits_at_once)
    expected = F.cross_entropy(states @ items[1:].T, targets - 1)
    torch.testing.assert_close(ours, expected)
    gradients = [torch.autograd.grad(2 * loss, [states, items]) for loss in (ours, expected)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_sample_of_all_items_gives_the_full_loss_with_its_gradients():
    states, items, targets = drawn()
    ours = sampled(states, items, targets, torch.arange(1, len(items)))
    full = full_softmax_loss(states, items, targets)
    torch.testing.assert_close(ours, full)
    gradients = [torch.autograd.grad(loss, [states, items]) for loss in (ours, full)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("logits_at_once", [1, 5 * 3, 10**6])
def test_the_chunked_loss_of_a_sample_is_what_its_formula_says_with_its_gradients(logits_at_once: int) -> None:
    """Also where the target was drawn, once or twice."""
    states, items, targets = drawn()
    negatives = torch.stack([targets[0], targets[0], targets[3], *torch.arange(1, 3)])
    logits = states @ items[negatives].T + math.log(7 / 5)
    logits = logits.masked_fill(negatives == targets[:, None], -math.inf)
    own = (states * items[targets]).sum(dim=1, keepdim=True)
    expected = (torch.cat([own, logits], dim=1).logsumexp(dim=1) - own[:, 0]).mean()
    ours = sampled(states, items, targets, negatives, logits_at_once)
    torch.testing.assert_close(ours, expected)
    gradients = [torch.autograd.grad(2 * loss, [states, items]) for loss in (ours, expected)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_sum_over_a_sample_estimates_the_sum_over_all_without_bias():
    states, items, targets = drawn(n_positions=1, n_items=40)
    wanted = (states @ items[targets].T).item()

    def others(loss: Tensor) -> float:  # exp(loss) = 1 + (sum over the others) / exp(wanted)
        return (loss.exp().item() - 1) * torch.tensor(wanted).exp().item()

    generator = torch.Generator().manual_seed(1)
    estimates = [
        others(sampled(states, items, targets, torch.randint(1, 41, (8,), generator=generator))) for _ in range(4000)
    ]
    expected = others(full_softmax_loss(states, items, targets))
    error = torch.tensor(estimates).std().item() / 4000**0.5
    assert abs(sum(estimates) / 4000 - expected) < 4 * error < 0.1 * expected


def test_a_sample_of_nothing_but_the_target_costs_nothing_and_stays_finite():
    states, items, targets = drawn(n_positions=1)
    loss = sampled(states, items, targets, targets)
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss, [states, items]))
