from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention.flex_attention import create_mask
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from recexplainer.llm.packing import attention_mask, collate, layer_masks, pack, row_masks, share_prefixes
from recexplainer.prompting.chat import IGNORED, ChatEncoder, Encoded
from tests import tiny

VOCABULARY = 97
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3, "pad_token_id": 0,
}  # fmt: skip
KEYS = {"num_key_value_heads": 2}
MODELS: dict[str, Any] = {
    "llama": lambda: tiny.llama(VOCABULARY),
    "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES, **KEYS)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SIZES, **KEYS, sliding_window=128)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, **KEYS, head_dim=8, sliding_window=128)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=256, initializer_range=0.3,
            resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        )
    ),
}  # fmt: skip


def example(ids: list[int], n_targets: int = 1, group: int = -1, weight: float = 1.0, slot: int = -1) -> Encoded:
    """An example whose last tokens are its answer; `slot` stands at its second place."""
    input_ids = np.array(ids, dtype=np.int32)
    targets = np.full(len(ids), IGNORED, dtype=np.int32)
    targets[-1 - n_targets : -1] = input_ids[-n_targets:]
    slots = np.full(len(ids), -1, dtype=np.int32)
    slots[1] = slot
    return Encoded(input_ids, targets, slots, np.full(len(ids), -1, dtype=np.int32), weight, group)


def questions(rng: np.random.Generator, n_groups: int = 4, n_questions: int = 3, n_alone: int = 3) -> list[Encoded]:
    """Groups of examples with a common beginning of random length, and some that stand alone."""
    made = []
    for group in range(n_groups):
        history = rng.integers(1, VOCABULARY, rng.integers(5, 15)).tolist()
        for _ in range(n_questions):
            tail = rng.integers(1, VOCABULARY, rng.integers(3, 9)).tolist()
            made.append(example(history + tail, n_targets=2, group=group, slot=group))
    made += [example(rng.integers(1, VOCABULARY, rng.integers(4, 20)).tolist()) for _ in range(n_alone)]
    return [made[place] for place in rng.permutation(len(made))]


@pytest.mark.parametrize("family", MODELS)
def test_a_packed_example_has_the_logits_that_it_has_alone(family: str) -> None:
    torch.manual_seed(1)
    model = MODELS[family]().eval()
    rng = np.random.default_rng(3)
    examples = questions(rng)
    trees = share_prefixes(examples, 60)
    assert any((tree.seen_until < len(tree)).any() for tree in trees)
    found: list[tuple[int, torch.Tensor]] = []
    for row in pack(trees, 60, rng):
        batch = collate([trees[number] for number in row])
        ids, positions = batch["input_ids"], batch["position_ids"]
        mask = row_masks(model.config, batch["seen_until"], positions, torch.float32)
        with torch.no_grad():
            logits = model(ids, attention_mask=mask, position_ids=positions, use_cache=False).logits[0]
        targets = batch["targets"][0]
        found += [(int(targets[place]), logits[place]) for place in (targets != IGNORED).nonzero()[:, 0]]
    alone: list[tuple[int, torch.Tensor]] = []
    for one in examples:
        with torch.no_grad():
            logits = model(torch.from_numpy(one.input_ids[None]).long()).logits[0]
        alone += [(int(one.targets[p]), logits[p]) for p in np.flatnonzero(one.targets != IGNORED)]
    assert Counter(target for target, _ in found) == Counter(target for target, _ in alone)
    for target, logits in alone:  # each is matched by one packed place of the same target, and by no other
        near = [n for n, (t, other) in enumerate(found) if t == target and torch.allclose(logits, other, atol=2e-4)]
        assert near
        found.pop(near[0])


def test_nothing_is_lost_and_no_row_is_too_long() -> None:
    rng = np.random.default_rng(0)
    examples = questions(rng, n_groups=30, n_questions=4, n_alone=20)
    trees = share_prefixes(examples, 40)
    rows = pack(trees, 40, rng)
    assert sorted(number for row in rows for number in row) == list(range(len(trees)))
    assert all(sum(len(trees[number]) for number in row) <= 40 for row in rows)
    targets = Counter(int(t) for tree in trees for t in tree.targets if t != IGNORED)
    assert targets == Counter(int(t) for one in examples for t in one.targets if t != IGNORED)
    assert sum(len(tree) for tree in trees) < 0.8 * sum(map(len, examples))  # the sharing is worth it
    assert sum(map(len, trees)) / (40 * len(rows)) > 0.85  # and rows are nearly full


def test_a_shared_prefix_is_laid_out_once() -> None:
    [tree] = share_prefixes([example([5, 6, 7, 1, 2], group=0), example([5, 6, 7, 3, 4, 9], n_targets=2, group=0)], 20)
    assert tree.input_ids.tolist() == [5, 6, 7, 1, 2, 3, 4, 9]
    assert tree.positions.tolist() == [0, 1, 2, 3, 4, 3, 4, 5]
    assert tree.seen_until.tolist() == [8, 8, 8, 5, 5, 8, 8, 8]
    assert tree.targets.tolist() == [IGNORED, IGNORED, IGNORED, 2, IGNORED, 4, 9, IGNORED]


def test_the_weight_of_an_example_is_divided_by_the_root_of_its_answers_length() -> None:
    short, long = example([1, 2, 3], weight=2.0), example([1, 2, 3, 4, 5, 6], n_targets=4)
    for one, expected in ((short, 2.0), (long, 0.5)):
        [tree] = share_prefixes([one], 20)
        assert tree.weights[tree.targets != IGNORED].tolist() == pytest.approx([expected] * one.n_targets)


def test_other_slots_or_an_answer_end_the_common_prefix() -> None:
    [tree] = share_prefixes([example([5, 6, 7, 1], group=0, slot=3), example([5, 6, 7, 2], group=0, slot=4)], 20)
    assert len(tree) == 7  # only the first token is shared: the second is another user's slot
    [tree] = share_prefixes([example([5, 6, 7, 8], n_targets=3, group=0), example([5, 6, 7, 8], group=0)], 20)
    assert len(tree) == 8 and (tree.targets != IGNORED).sum() == 4  # no target may stand in a shared prefix


def test_a_group_that_is_too_long_is_cut_into_trees_that_fit() -> None:
    members = [example([1, 2, 3, 4, 10 + n, 20 + n], group=0) for n in range(7)]
    trees = share_prefixes(members, 12)
    assert len(trees) == 2 and all(len(tree) <= 12 for tree in trees)


def test_what_only_some_of_a_group_share_is_laid_out_once_too() -> None:
    tails = ([1, 2, 8, 8], [1, 3, 4, 5, 8], [1, 3, 4, 6, 8], [1, 2, 9, 8])
    [tree] = share_prefixes([example(tail, group=0) for tail in tails], 20)
    assert tree.input_ids.tolist() == [1, 2, 8, 8, 9, 8, 3, 4, 5, 8, 6, 8]
    assert tree.positions.tolist() == [0, 1, 2, 3, 2, 3, 1, 2, 3, 4, 3, 4]
    assert tree.seen_until.tolist() == [12, 6, 4, 4, 6, 6, 12, 12, 10, 10, 12, 12]


def test_an_example_that_fits_no_row_is_an_error() -> None:
    with pytest.raises(ValueError, match="of 30 tokens does not fit a row of 29"):
        share_prefixes([example(list(range(1, 31)))], 29)


def test_the_mask_by_hand() -> None:
    seen = (attention_mask(torch.tensor([4, 3, 3, 4, 5]))[0, 0] == 0).int().tolist()
    assert seen == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1]]


def test_a_window_counts_positions_and_not_places_in_the_row() -> None:
    [tree] = share_prefixes([example([5, 6, 7, 1, 2], group=0), example([5, 6, 7, 3, 4], group=0)], 20)
    batch = collate([tree])
    given = (attention_mask(batch["seen_until"][0]), batch["position_ids"], batch["position_ids"])
    plain, whole = MODELS["llama"]().config, MistralConfig(sliding_window=3)
    assert layer_masks(plain, *given) is given[0]
    windowed = layer_masks(whole, *given)
    assert isinstance(windowed, torch.Tensor)
    last = [(mask[0, 0, -1] == 0).int().tolist() for mask in (given[0], windowed)]
    assert last == [[1, 1, 1, 0, 0, 1, 1], [0, 0, 1, 0, 0, 1, 1]]
    mixed = layer_masks(Gemma2Config(num_hidden_layers=2, sliding_window=3), *given)
    assert isinstance(mixed, dict) and mixed["full_attention"] is given[0]
    assert torch.equal(mixed["sliding_attention"], windowed)


@pytest.mark.parametrize("window", [None, 3])
def test_flex_attention_is_given_the_same_mask_in_blocks(window: int | None) -> None:
    trees = share_prefixes(questions(np.random.default_rng(0)), 60)
    row = collate(trees, 1024)
    given = (row["seen_until"], row["position_ids"], torch.float32)
    config = MistralConfig(sliding_window=window, attn_implementation="sdpa")
    dense = row_masks(config, *given)
    config._attn_implementation = "flex_attention"
    blocks = row_masks(config, *given)
    assert torch.equal(create_mask(blocks.mask_mod, None, None, 1024, 1024, device="cpu"), dense == 0)
    assert blocks.sparsity() > 60  # what examples do not see of each other is left out, not only masked


def test_a_filled_row_ends_in_tokens_that_see_themselves_alone() -> None:
    [tree] = share_prefixes([example([5, 6, 7])], 20)
    row = collate([tree], 5)
    n = len(tree)
    assert all(tensor.shape == (1, 5) for tensor in row.values())
    assert row["seen_until"][0].tolist() == [n] * n + list(range(n + 1, 6))
    assert set(row["targets"][0, n:].tolist()) == {IGNORED} and row["weights"][0, n:].sum() == 0
    assert (attention_mask(row["seen_until"][0])[0, 0, -1] == 0).int().tolist() == [0, 0, 0, 0, 1]
    assert all(torch.equal(row[key][:, :n], plain) for key, plain in collate([tree]).items())


def test_packing_depends_on_the_generator_alone() -> None:
    trees = share_prefixes(questions(np.random.default_rng(0)), 40)
    rows = [pack(trees, 40, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_dialogues_pack_too() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    encoded = encoder.dialogue([("Hello!", "One"), ("And?", "Two")])
    [tree] = share_prefixes([encoded], 200)
    assert tree.targets.tolist() == encoded.targets.tolist() and set(tree.seen_until.tolist()) == {len(encoded)}
