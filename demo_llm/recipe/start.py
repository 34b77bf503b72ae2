"""Where training starts: two kinds of attention heads that a small model is slow to discover are put in by hand.

Copying from a prompt needs a head that looks one token back and, a layer later, a head that looks for the place where
the present token stood before and reads what followed it (an induction head). From random weights a model of this
size finds neither in millions of tokens of drills. So the first two layers begin with a rough version of both;
everything stays trainable and is trained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

N_OWN = 128  # residual dimensions that begin with the token itself; the others begin with the token before it
_BACK_HEADS, _COPY_HEADS = 2, 4
_QUIET = 0.01  # every other branch is nearly silent until training finds a use for it


@torch.no_grad()
def start_copying(model: LlamaForCausalLM, generator: torch.Generator, std: float) -> None:
    """Write the heads into layers 0 and 1 of a freshly initialised model.

    Args:
        model: A Llama with at least two layers, head size 32 and `N_OWN` + 32 · 2 dimensions.
        generator: The source of the random bases.
        std: The scale of the token embeddings.
    """
    embeddings, output = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    head = embeddings.shape[1] // model.config.num_attention_heads
    own, before = slice(1, N_OWN), slice(N_OWN, N_OWN + _BACK_HEADS * head)
    unit = torch.nn.functional.normalize(embeddings[:, own], dim=1)
    embeddings[:, own] = unit * std * (N_OWN - 1) ** 0.5  # of one length, or long tokens would catch all attention
    embeddings[:, 0] = 4 * std  # a constant that position-only attention can hold on to
    embeddings[:, N_OWN:] = 0
    output[:, own] = embeddings[:, own]
    output[:, 0] = 0
    output[:, N_OWN:] *= _QUIET
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight *= _QUIET
        layer.mlp.down_proj.weight *= _QUIET
    basis = _orthonormal(N_OWN - 1, generator)
    _look_back(model.model.layers[0].self_attn, model, basis, own, before, head, std)
    _copy_what_followed(model.model.layers[1].self_attn, model, basis, own, before, head, generator)


def _look_back(
    attention: nn.Module, model: LlamaForCausalLM, basis: Tensor, own: slice, before: slice, head: int, std: float
) -> None:
    """Heads that attend to the token just before, by rotary position alone, and write what it is into `before`."""
    half, frequencies = head // 2, _frequencies(model, head)
    query = torch.zeros(head)
    query[:5] = 1.5  # the fastest frequencies tell neighbours apart
    key = torch.cat([query[:half] * frequencies.cos(), query[:half] * frequencies.sin()])  # turned by one position
    for number in range(_BACK_HEADS):
        rows = slice(number * head, (number + 1) * head)
        for projection, vector in ((attention.q_proj, query), (attention.k_proj, key)):
            projection.weight[rows] *= _QUIET
            projection.weight[rows, 0] = vector
        attention.v_proj.weight[rows] = 0
        attention.v_proj.weight[rows, own] = basis[number * head : (number + 1) * head]
        attention.o_proj.weight[:, rows] = 0
        start = before.start + number * head
        attention.o_proj.weight[start : start + head, rows] = std * torch.eye(head)


def _copy_what_followed(
    attention: nn.Module, model: LlamaForCausalLM, basis: Tensor, own: slice, before: slice, head: int,
    generator: torch.Generator,
) -> None:  # fmt: skip
    """Heads that match the present token with the token before each place, and read that place's token."""
    half = head // 2
    slow = (_frequencies(model, head) < 0.02).nonzero()[:, 0]  # these hardly turn within a prompt
    dims = torch.cat([slow, slow + half])
    n_before = before.stop - before.start
    for number in range(_COPY_HEADS):
        rows = torch.arange(number * head, (number + 1) * head)
        match = _orthonormal(n_before, generator)[: len(dims)]
        for projection in (attention.q_proj, attention.k_proj):
            projection.weight[rows] *= _QUIET
        attention.q_proj.weight[rows[dims], own] = 1.5 * match @ basis[:n_before]
        attention.k_proj.weight[rows[dims], before] = 1.5 * match
        share = basis[number * head : (number + 1) * head]
        attention.v_proj.weight[rows] = 0
        attention.v_proj.weight[rows[: len(share)], own] = share
        attention.o_proj.weight[:, rows] = 0
        attention.o_proj.weight[own, rows[: len(share)]] = 0.25 * share.T


def _frequencies(model: LlamaForCausalLM, head: int) -> Tensor:
    theta = model.config.rope_parameters["rope_theta"]
    return theta ** (-torch.arange(0, head, 2) / head)


def _orthonormal(size: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
