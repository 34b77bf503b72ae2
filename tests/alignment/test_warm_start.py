"""Connectors start at words, and users where the recommender's order of the items can be read off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr

from recexplainer.alignment import warm_start as start
from recexplainer.alignment.adaptation.vocabulary import extend_embeddings, extend_tokenizer
from recexplainer.alignment.warm_start import (
    item_tokens,
    item_words,
    ranking_map,
    start_titles,
    user_slots,
    warm_start,
)
from recexplainer.llm.explainer import Explainer, adapted_explainer
from tests import tiny
from tests.sizes import LargestTensor


def slots_of(words: torch.Tensor, scores: torch.Tensor, top: float = 0.0, n: int = 1) -> torch.Tensor:
    return user_slots(ranking_map(words), scores, words, top, n)


def test_slots_are_fitted_and_nothing_else_is(base: Path) -> None:
    histories = [[1, 2], [3, 4], [5], [6, 7, 8], [2, 9]]
    vectors = tiny.mf().user_vectors(histories)
    fits = []
    for steps in (0, 300, 300):
        align = tiny.settings(f"align.warm_start_steps={steps}").align
        explainer = tiny.explainer(base, "both", None, vectors)
        adapter = {n: p.clone() for n, p in explainer.named_parameters() if not n.startswith("connectors.")}
        torch.rand(2)
        fits.append(warm_start(explainer, tiny.writer(), vectors, histories, align, seed=1))
        assert all(torch.equal(p, adapter[n]) for n, p in explainer.named_parameters() if n in adapter)
        assert all(p.grad is None for n, p in explainer.named_parameters() if n in adapter)
    assert fits[0] == {} and fits[1] == fits[2]
    assert fits[1]["warm_start_item"] > 0.5 and fits[1]["warm_start_user"] > 0.5


def test_a_mode_without_connectors_has_nothing_to_start(base: Path) -> None:
    explainer = tiny.explainer(base, "behaviour")
    assert warm_start(explainer, tiny.writer(), torch.zeros(0, 0), [], tiny.settings().align, 1) == {}


def test_items_of_like_words_lie_near_each_other_at_the_scale_of_a_token() -> None:
    table = torch.randn(50, 64, generator=torch.Generator().manual_seed(0))
    words = item_words(table, torch.tensor([[1, 2, 3, 4], [1, 2, 3, 5], [6, 7, 8, -1], [9, 10, 11, 12]]))
    near = torch.cosine_similarity(words[0], words[1], dim=0)
    assert near > 0.5 > torch.cosine_similarity(words[0], words[2], dim=0)
    spread = words - words.mean(dim=0)
    assert torch.isclose(spread.pow(2).mean(), table.pow(2).mean(), rtol=1e-3)


def test_every_item_has_the_words_of_its_text(base: Path) -> None:
    explainer = tiny.explainer(base, "both")
    tokens = item_tokens(explainer, tiny.writer())
    words = item_words(explainer.llm.get_input_embeddings().weight, tokens)
    assert words.shape == (tiny.N_ITEMS, 32) and words.requires_grad is False
    shown = explainer.encoder.tokenizer.decode(tokens[4][tokens[4] >= 0])
    assert shown == tiny.writer().item_text(5)


def test_padding_is_no_word() -> None:
    table = torch.randn(9, 6, generator=torch.Generator().manual_seed(0))
    short, long = torch.tensor([[3, 4, -1, -1], [5, -1, -1, -1]]), torch.tensor([[3, 4], [5, -1]])
    assert torch.equal(item_words(table, short), item_words(table, long))


def test_blocks_bound_the_memory_and_not_the_result(monkeypatch: pytest.MonkeyPatch, base: Path) -> None:
    histories = [[1, 2], [3, 4], [5], [6, 7, 8], [2, 9]]
    vectors = tiny.mf().user_vectors(histories)
    align = tiny.settings("align.warm_start_steps=20", "align.warm_start_top=1.0").align
    fits = []
    for at_once in (2**25, 60):
        monkeypatch.setattr(start, "AT_ONCE", at_once)
        explainer = tiny.explainer(base, "both", None, vectors)
        fits.append((warm_start(explainer, tiny.writer(), vectors, histories, align, seed=1), explainer))
    assert fits[0][0] == pytest.approx(fits[1][0], abs=1e-3)
    for name in ("item", "user"):
        one, other = (explainer.connectors[name](torch.ones(1, vectors.shape[1])) for _, explainer in fits)
        assert torch.allclose(one, other, atol=1e-3)


def test_words_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = torch.randn(500, 16, generator=torch.Generator().manual_seed(0))
    token_ids = torch.randint(-1, 500, (900, 40), generator=torch.Generator().manual_seed(1))
    token_ids[:, 0] = 1
    whole = item_words(table, token_ids)
    monkeypatch.setattr(start, "AT_ONCE", 9000)
    with LargestTensor() as seen:
        words = item_words(table, token_ids)
    assert torch.allclose(words, whole, atol=1e-6)
    assert seen.n_numbers <= token_ids.numel()  # all texts' embeddings at once: 16 times as many


def test_a_user_points_to_where_the_recommender_ranks_high() -> None:
    generator = torch.Generator().manual_seed(0)
    words = torch.randn(40, 64, generator=generator)
    scores = torch.randn(3, 40, generator=generator) * torch.tensor([[1.0], [50.0], [0.01]]) + 7
    directions = slots_of(words, scores)[:, 0]
    for row in range(3):
        assert spearmanr(words @ directions[row], scores[row]).statistic > 0.95
    assert torch.allclose(directions.pow(2).mean(dim=1), words.pow(2).mean())


def test_further_slots_hold_the_words_of_the_best_items_ever_less_sharply() -> None:
    generator = torch.Generator().manual_seed(0)
    words, scores = torch.randn(40, 64, generator=generator), torch.randn(3, 40, generator=generator)
    order = scores.argsort(dim=1, descending=True)
    scores[0, order[0, 0]] = -torch.inf  # it was seen
    slots = slots_of(words, scores, n=3)
    assert slots.shape == (3, 3, 64)
    assert torch.equal(slots[:, 0], slots_of(words, scores)[:, 0])
    for row, best in enumerate([order[0, 1], order[1, 0], order[2, 0]]):
        shares = torch.linalg.lstsq(words.T, slots[row, 1:].T).solution  # of the items' words
        assert (shares.argmax(dim=0) == best).all() and torch.allclose(shares.sum(dim=0), torch.ones(2), atol=1e-3)
        assert shares[best, 0] > shares[best, 1] > 1 / 40
        assert shares[order[row, -1]].abs().max() < 1e-3


def test_the_best_items_of_a_large_catalogue_stand_out_where_they_count() -> None:
    generator = torch.Generator().manual_seed(0)
    words = torch.randn(400, 24, generator=generator)  # too few dimensions to follow all scores
    scores = torch.randn(30, 400, generator=generator)
    plain, peaked = (words @ slots_of(words, scores, top)[:, 0].T for top in (0.0, 1.0))
    best = scores.argmax(dim=1)
    ranks = [(values > values[best, torch.arange(30)]).sum(dim=0).float().median() for values in (plain, peaked)]
    assert ranks[1] <= 2 and ranks[0] > 2 * ranks[1] + 5


def test_what_is_left_out_pulls_no_direction() -> None:
    generator = torch.Generator().manual_seed(0)
    words, scores = torch.randn(40, 64, generator=generator), torch.randn(2, 40, generator=generator)
    hidden = scores.clone()
    hidden[0, :3] = -torch.inf
    for top in (0.0, 1.0):
        directions = slots_of(words, hidden, top)[:, 0]
        assert torch.isfinite(directions).all()
        followed = words @ directions[0]
        assert spearmanr(followed[3:], scores[0, 3:]).statistic > 0.9
        high = scores.clone()
        high[0, :3] = 100.0
        hidden_again = high.masked_fill(torch.isinf(hidden), -torch.inf)
        assert torch.allclose(slots_of(words, hidden_again, top)[:, 0], directions)


def test_a_user_starts_apart_from_what_was_seen(base: Path) -> None:
    histories = [[1, 2], [3, 4], [5], [6, 7, 8], [2, 9]]
    vectors = tiny.mf().user_vectors(histories)
    align = tiny.settings("align.warm_start_steps=300", "align.warm_start_top=1.0").align
    explainers = [tiny.explainer(base, "both", None, vectors) for _ in range(2)]
    for explainer, seen in zip(explainers, (histories, [[]] * 5), strict=True):
        warm_start(explainer, tiny.writer(), vectors, seen, align, seed=1)
    hidden, shown = (explainer.connectors["user"](vectors) for explainer in explainers)
    assert not torch.allclose(hidden, shown, atol=1e-3)


def with_whole_titles(
    rank: int, n_whole: int = tiny.N_ITEMS, targets: str = "q_proj,lm_head"
) -> tuple[Explainer, list[tuple[int, ...]]]:
    """An explainer with a fresh adapter, of whose titles some are a token each, and the tokens of all titles."""
    align = tiny.settings(f"align.lora.r={rank}", f"align.lora.targets={targets}").align
    known = tiny.tokenizer()
    tokenizer, parts = extend_tokenizer(known, tiny.TITLES[:n_whole], tiny.N_ITEMS)
    model = tiny.llama(len(known))
    extend_embeddings(model, parts)
    recommender, settings = tiny.mf(), {"n_categories": 1, "max_history": 9}
    vectors = tiny.some_user_vectors(recommender)
    explainer = adapted_explainer("both", model, tokenizer, None, align, recommender, vectors, settings)
    return explainer, [explainer.encoder.answer_ids(title) for title in tiny.TITLES]


def output_adapter(explainer: Explainer) -> tuple[torch.Tensor, torch.Tensor]:
    layer = explainer.llm.get_output_embeddings()
    return layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()


@pytest.mark.parametrize("rank", [3, 64])
def test_titles_of_one_token_start_at_their_items_vectors_and_add_nothing_yet(rank: int) -> None:
    explainer, tokens = with_whole_titles(rank)
    items, hidden = explainer.item_vectors[1:], torch.randn(5, 32)
    head = explainer.llm.get_output_embeddings()
    before = head(hidden)
    start_titles(explainer, tiny.TITLES, items)
    assert torch.equal(head(hidden), before)
    reads, writes = output_adapter(explainer)
    n = min(rank, items.shape[1])
    assert not reads[:n].any() and (rank == n or reads[n:].any(dim=1).all())
    whole = [number for number, ids in enumerate(tokens) if len(ids) == 1]
    assert len(whole) > tiny.N_ITEMS / 2
    titles = [tokens[number][0] for number in whole]
    left, sizes, right = torch.linalg.svd(items - items.mean(dim=0), full_matrices=False)
    nearest = left[:, :n] * sizes[:n] @ right[:n]  # of rank n; all of a vector where there are ranks enough
    nearest *= 4 / nearest.square().sum(dim=1).mean().sqrt()
    assert torch.allclose(writes[titles] @ writes[titles].T, (nearest @ nearest.T)[whole][:, whole], atol=1e-4)
    assert torch.linalg.matrix_rank(writes) <= n
    others = torch.ones(len(writes), dtype=torch.bool)
    others[titles] = False
    assert not writes[others].any()


@pytest.mark.parametrize(("n_whole", "targets"), [(0, "q_proj,lm_head"), (4, "q_proj,lm_head"), (12, "q_proj")])
def test_an_output_layer_is_left_alone_without_adapter_or_where_few_titles_are_tokens(
    n_whole: int, targets: str
) -> None:
    explainer, _ = with_whole_titles(4, n_whole, targets)
    before = {name: value.clone() for name, value in explainer.state_dict().items()}
    start_titles(explainer, tiny.TITLES, explainer.item_vectors[1:])
    assert all(torch.equal(value, before[name]) for name, value in explainer.state_dict().items())


def test_a_warm_start_starts_the_titles_too() -> None:
    explainer, _ = with_whole_titles(4)
    histories = [[1, 2], [3, 4], [5], [6, 7, 8], [2, 9]]
    align = tiny.settings("align.warm_start_steps=2").align
    warm_start(explainer, tiny.writer(), tiny.mf().user_vectors(histories), histories, align, seed=1)
    assert output_adapter(explainer)[1].any()
