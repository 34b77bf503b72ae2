"""Cross-entropy of the next item, over all items or over a sample of them, in bounded memory."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class _FullSoftmax(torch.autograd.Function):
    """Cross-entropy over all items; the forward pass makes the gradients too, chunk by chunk of positions."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, items: Tensor, targets: Tensor, chunk: int) -> Tensor:
        """Mean loss of states (positions, dim) against items (n, dim), targets (positions,) in 0 … n - 1."""
        state_gradient, item_gradient = torch.empty_like(states), torch.zeros_like(items)
        total = states.new_zeros(())
        for start in range(0, len(states), chunk):
            rows, wanted = states[start : start + chunk], targets[start : start + chunk]
            logits = rows @ items.T
            log_total = logits.logsumexp(dim=1, keepdim=True)
            total += (log_total[:, 0] - logits.gather(1, wanted[:, None])[:, 0]).sum()
            error = logits.sub_(log_total).exp_()  # softmax, in place
            error[torch.arange(len(rows), device=rows.device), wanted] -= 1
            state_gradient[start : start + chunk] = error @ items
            item_gradient.addmm_(error.T, rows)
        ctx.save_for_backward(state_gradient / len(states), item_gradient / len(states))
        return total / len(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Scale the stored gradients."""
        state_gradient, item_gradient = ctx.saved_tensors
        return gradients[0] * state_gradient, gradients[0] * item_gradient, None, None


def full_softmax_loss(states: Tensor, items: Tensor, targets: Tensor, logits_at_once: int = 2**24) -> Tensor:
    """Mean cross-entropy of the next item over all items, in bounded memory.

    Args:
        states: (positions, dim).
        items: (n_items + 1, dim), row 0 = padding, which is not a candidate.
        targets: (positions,), item ids from 1.
        logits_at_once: The most numbers of one block of logits; it bounds the memory, the result is the same.
    """
    chunk = max(1, logits_at_once // (len(items) - 1))
    loss: Tensor = _FullSoftmax.apply(states, items[1:], targets - 1, chunk)
    return loss


class _SampledSoftmax(torch.autograd.Function):
    """Cross-entropy over the next item and a sample of the others; the gradients are made as in `_FullSoftmax`."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        targets: Tensor,
        negatives: Tensor,
        target_ids: Tensor,
        negative_ids: Tensor,
        log_weight: float,
        chunk: int,
    ) -> Tensor:
        """Mean loss of states (positions, dim); see `sampled_softmax_loss`."""
        state_gradient, target_gradient = torch.empty_like(states), torch.empty_like(targets)
        negative_gradient, total = torch.zeros_like(negatives), states.new_zeros(())
        for start in range(0, len(states), chunk):
            part = slice(start, start + chunk)
            rows, wanted = states[part], targets[part]
            logits = rows @ negatives.T
            logits[_same(target_ids[part], negative_ids)] = -math.inf
            own = (rows * wanted).sum(dim=1)
            log_total = torch.logaddexp(own, logits.logsumexp(dim=1) + log_weight)
            total += (log_total - own).sum()
            error = logits.sub_((log_total - log_weight)[:, None]).exp_()  # softmax, in place
            own_error = ((own - log_total).exp() - 1)[:, None]
            state_gradient[part] = torch.addmm(own_error * wanted, error, negatives)
            target_gradient[part] = own_error * rows
            negative_gradient.addmm_(error.T, rows)
        ctx.save_for_backward(*(made / len(states) for made in (state_gradient, target_gradient, negative_gradient)))
        return total / len(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the stored gradients."""
        return *(gradients[0] * stored for stored in ctx.saved_tensors), None, None, None, None


def _same(ids: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns at which a drawn item is the row's own; few rows have one."""
    rows = torch.isin(ids, drawn).nonzero()[:, 0]
    found, columns = (ids[rows, None] == drawn).nonzero(as_tuple=True)
    return rows[found], columns


def sampled_softmax_loss(
    states: Tensor,
    targets: Tensor,
    negatives: Tensor,
    target_ids: Tensor,
    negative_ids: Tensor,
    n_items: int,
    logits_at_once: int = 2**20,
) -> Tensor:
    """Mean cross-entropy of the next item over itself and a sample of the others, which represents all of them.

    Every sampled item counts n_items / n_negatives times, so the sum over the sample is an unbiased estimate of the
    sum over all other items, and the scores estimate the same distribution as those of `full_softmax_loss`. That is
    the log Q correction for a uniform Q. All positions share the sample: one matrix product scores it.

    Source: Bengio and Senécal, "Adaptive importance sampling to accelerate training of a neural probabilistic
    language model", IEEE Transactions on Neural Networks 19(4), 2008.

    Args:
        states: (positions, dim).
        targets: (positions, dim), the vector of each position's next item.
        negatives: (n_negatives, dim), vectors of items drawn uniformly.
        target_ids: (positions,) the next items. Where one of them was drawn, it is left out of the position's sample.
        negative_ids: (n_negatives,) the drawn items.
        n_items: The number of items that the sample represents.
        logits_at_once: The most numbers of one block of logits; it bounds the memory, the result is the same.
    """
    chunk, log_weight = max(1, logits_at_once // len(negatives)), math.log(n_items / len(negatives))
    loss: Tensor = _SampledSoftmax.apply(states, targets, negatives, target_ids, negative_ids, log_weight, chunk)
    return loss
