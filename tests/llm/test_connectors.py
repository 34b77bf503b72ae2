from __future__ import annotations

import torch

from recexplainer.llm.connectors import Connector, fit_connector


def made(vectors: torch.Tensor) -> Connector:
    torch.manual_seed(0)
    return Connector(vectors, 64, 48, 0.02)


def test_inputs_are_standardised_so_that_scale_and_place_do_not_matter() -> None:
    vectors = torch.randn(50, 6) * torch.tensor([1e-3, 1.0, 50, 1, 1, 1])
    assert torch.allclose(made(vectors)(vectors), made(vectors * 7 + 3)(vectors * 7 + 3), atol=1e-5)


def test_outputs_start_at_the_scale_of_token_embeddings() -> None:
    vectors = torch.randn(500, 6)
    scale = float(made(vectors)(vectors).detach().pow(2).mean().sqrt())
    assert 0.01 < scale < 0.04


def test_a_dimension_that_never_varies_does_no_harm() -> None:
    vectors = torch.randn(20, 6)
    vectors[:, 2] = 0.25
    assert made(vectors)(vectors).isfinite().all()


def test_by_hand() -> None:
    connector = Connector(torch.tensor([[0.0], [2.0]]), 1, 1, 1.0)
    with torch.no_grad():
        connector.first.weight.fill_(1), connector.first.bias.fill_(0)
        connector.second.weight.fill_(2), connector.second.bias.fill_(5)
    standard = torch.tensor(1 / 2**0.5)  # (2 − 1) / √2
    expected = 5 + 2 * torch.nn.functional.gelu(standard)
    assert torch.allclose(connector(torch.tensor([[2.0]])), expected)


def test_it_computes_in_fp32_what_is_given_in_half() -> None:
    vectors = torch.randn(20, 6)
    assert made(vectors)(vectors.bfloat16()).dtype == torch.float32


def test_mixed_precision_around_it_leaves_it_in_fp32() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(20, 6)
    connector = Connector(vectors, 16, 8, 1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = connector(vectors)
    assert mixed.dtype == torch.float32 and torch.equal(mixed, connector(vectors))


def test_a_fit_to_moved_vectors_reaches_those_that_it_has_not_met() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors, unseen = torch.randn(30, 6, generator=generator), torch.randn(500, 6, generator=generator)
    truth = torch.randn(6, 8, generator=generator)

    def targets(some: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return (some @ truth).softmax(dim=1)

    missed = []
    for mixed in (False, True):
        torch.manual_seed(0)
        connector = Connector(vectors, 64, 8, 1.0)
        explained = fit_connector(connector, vectors, targets, 400, seed=1, mixed=mixed)
        assert explained > 0.8
        missed.append(float((connector(unseen) - targets(unseen, torch.arange(500))).detach().pow(2).mean()))
    assert missed[1] < 0.85 * missed[0]


def test_a_fit_asks_for_few_targets_at_once_and_draws_by_its_seed() -> None:
    vectors = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    sizes: list[int] = []

    def targets(some: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        sizes.append(len(rows))
        return vectors[rows].repeat(1, 8)

    fits = [fit_connector(made(vectors), vectors, targets, 20, seed, n_rows=7) for seed in (1, 1, 2)]
    assert max(sizes) == 7 and fits[0] == fits[1] != fits[2]
