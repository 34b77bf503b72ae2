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


def sampled_softmax_loss(states: Tensor, targets: Tensor, negatives: Tensor, is_target: Tensor, n_items: int) -> Tensor:
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
        is_target: (positions, n_negatives), where the drawn item is the position's next one: it is left out.
        n_items: The number of items that the sample represents.
    """
    wanted = (states * targets).sum(dim=1)
    others = states @ negatives.T + math.log(n_items / len(negatives))
    others = others.masked_fill(is_target, torch.finfo(others.dtype).min)
    return (torch.logaddexp(wanted, others.logsumexp(dim=1)) - wanted).mean()
