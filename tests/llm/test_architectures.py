"""Any causal LM: each family is aligned, saved, loaded, asked and merged; windows are shorter than the prompts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from recexplainer.alignment.rows import packed_rows
from recexplainer.alignment.training import train, training_examples
from recexplainer.alignment.warm_start import warm_start
from recexplainer.data.examples import Example
from recexplainer.llm.beams import Space, beam_search
from recexplainer.llm.decoding import generate, list_candidates, p_yes
from recexplainer.llm.explainer import Explainer, load_explainer
from recexplainer.llm.merge import merge
from recexplainer.llm.packing import collate, pack, share_prefixes
from recexplainer.llm.title_trie import Trie
from recexplainer.prompting.chat import IGNORED, Encoded
from recexplainer.tasks import interest_classification
from recexplainer.tasks.rendering import fit_prompt
from tests import tiny

USERS = tiny.some_user_vectors()
WINDOW = 12
WINDOWED = {"sliding_window": WINDOW}
MIXED = {**WINDOWED, "layer_types": ["sliding_attention", "full_attention"]}
TIED = {"tie_word_embeddings": True}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", TIED),
    "mistral": ("Mistral", WINDOWED),
    "qwen2": ("Qwen2", {**MIXED, **TIED, "use_sliding_window": True}),
    "qwen3": ("Qwen3", {"head_dim": 8}),
    "phi3": ("Phi3", WINDOWED),
    "gemma2": ("Gemma2", {**MIXED, "head_dim": 8, "query_pre_attn_scalar": 8, "attn_logit_softcapping": 2.0}),
    "gemma3": ("Gemma3Text", {**MIXED, "head_dim": 8, "query_pre_attn_scalar": 8}),
    "gpt_neox": ("GPTNeoX", {}),
    "smollm3": ("SmolLM3", {**MIXED, "use_sliding_window": True, "no_rope_layers": [1, 0]}),
}
USUAL = ("llama", "qwen3")  # of the demo and of the presets; each family is trained
MODELS = {"Gemma3Text": "Gemma3"}  # where the model's class is not named as its configuration's


@dataclass(frozen=True)
class Aligned:
    """An explainer of some family: the one that was trained and saved, the same loaded, and what it is asked."""

    trained: Explainer
    folder: Path
    encoded: list[Encoded]
    prompts: list[Encoded]


def write_base(folder: Path, family: str) -> Path:
    """A base model's folder with random weights, large enough that logits differ and saturate soft caps."""
    name, changes = FAMILIES[family]
    tokenizer = tiny.tokenizer()
    torch.manual_seed(3)
    config = getattr(transformers, f"{name}Config")(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=1024, initializer_range=0.3, pad_token_id=0, eos_token_id=1, bos_token_id=None,
        **({} if family == "gpt_neox" else {"num_key_value_heads": 1}), **changes,
    )  # fmt: skip
    model = getattr(transformers, f"{MODELS.get(name, name)}ForCausalLM")(config)
    model.generation_config.repetition_penalty = 5.0  # habits that answers must not have
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(
    scope="module",
    params=[name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES],
)
def aligned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aligned]:
    folder = tmp_path_factory.mktemp(request.param)
    base = write_base(folder / "base", request.param)
    align = tiny.settings("align.epochs={behaviour: 4, intention: 4, both: 4}", "align.rows_per_step=1").align
    explainer, writer = tiny.explainer(base, "both"), tiny.writer()
    warm_start(explainer, writer, USERS, [[]] * len(USERS), align, seed=1)
    asked = [
        Example(interest_classification.NAME, "train", answer, user, 3, row, [3, 5, item + 1], [item], aspect="plain")
        for row, user in enumerate((1, 2))
        for item, answer in ((4, "Yes"), (9, "No"))
    ]
    encoded = list(training_examples(explainer, writer, asked, align, np.random.default_rng(1)))
    before = {name: p.detach().clone() for name, p in explainer.named_parameters() if p.requires_grad}
    rows = packed_rows(encoded, align, np.random.default_rng(1))
    train(explainer, rows, USERS, align, 1, folder / "checkpoints", lambda *_: None)
    for name, parameter in explainer.named_parameters():
        if parameter.requires_grad:
            assert not torch.equal(parameter, before[name]), f"{name} was not trained"
    explainer.save(folder / "explainer")
    prompts = [fit_prompt(explainer.encoder, writer, one, "both", 1000) for one in asked[1:]]
    yield Aligned(explainer, folder / "explainer", encoded, prompts)


def embedded(explainer: Explainer, one: Encoded) -> torch.Tensor:
    """(1, length, hidden) what the first layer reads."""
    ids, users, items = (torch.from_numpy(t[None]).long() for t in (one.input_ids, one.user_slots, one.item_slots))
    return explainer.embed(ids, users, items, USERS)


@torch.no_grad()
def alone(explainer: Explainer, one: Encoded) -> torch.Tensor:
    """(length, vocabulary) logits as the model gives them when it makes its own positions and masks."""
    return explainer.llm(inputs_embeds=embedded(explainer, one)).logits[0].float()


def continued(one: Encoded, tokens: list[int]) -> Encoded:
    """A prompt and tokens behind it."""
    arrays = [
        np.concatenate([table, np.asarray(more, dtype=np.int32)])
        for table, more in (
            (one.input_ids, tokens), (one.targets, [IGNORED] * len(tokens)),
            (one.user_slots, [-1] * len(tokens)), (one.item_slots, [-1] * len(tokens)),
        )
    ]  # fmt: skip
    return Encoded(*arrays)


def log_probability(explainer: Explainer, prompt: Encoded, answer: list[int]) -> float:
    """Of an answer, without a cache."""
    logits = alone(explainer, continued(prompt, answer[:-1]))[len(prompt) - 1 :].log_softmax(-1)
    return float(logits[torch.arange(len(answer)), torch.tensor(answer)].sum())


@pytest.mark.slow
def test_the_loaded_one_gives_the_same_logits(aligned: Aligned) -> None:
    loaded = load_explainer(aligned.folder)
    for prompt in aligned.prompts:
        assert len(prompt) > 3 * WINDOW
        assert torch.equal(alone(loaded, prompt), alone(aligned.trained, prompt))


def test_embeddings_are_those_that_the_model_makes_itself(aligned: Aligned) -> None:
    """A slot's vector stands among token embeddings as the first layer sees them, at their scale."""
    ids = torch.arange(4, 40)[None]
    none = torch.full_like(ids, -1)
    explainer = aligned.trained
    with torch.no_grad():
        embedded = explainer.embed(ids, none, none)
        assert torch.equal(explainer.llm(inputs_embeds=embedded).logits, explainer.llm(input_ids=ids).logits)
        slot = explainer.embed(ids[:, :1], none[:, :1] + 1, none[:, :1], USERS)
    assert 0.1 < float(slot.pow(2).mean().sqrt() / embedded.pow(2).mean().sqrt()) < 10


def test_packed_logits_are_those_alone(aligned: Aligned) -> None:
    trees = share_prefixes(aligned.encoded, 320)
    assert any((tree.seen_until < len(tree)).any() for tree in trees)
    [row] = pack(trees, 1000, np.random.default_rng(0))
    batch = collate([trees[number] for number in row])
    targets, _ = batch.pop("targets")[0], batch.pop("weights")
    places = (targets != IGNORED).nonzero()[:, 0]
    with torch.no_grad():
        packed = aligned.trained(places=places, user_vectors=USERS, **batch)[0]
    expected = []
    for one in aligned.encoded:
        logits = alone(aligned.trained, one)
        expected += [logits[place] for place in np.flatnonzero(one.targets != IGNORED)]
    assert len(packed) == len(expected)
    for logits in expected:
        assert float((packed - logits).abs().amax(dim=1).min()) < 1e-4
    assert float(torch.stack(expected).std()) > 0.05


def test_answers_are_those_of_one_prompt_without_a_cache(aligned: Aligned) -> None:
    explainer, prompts = aligned.trained, aligned.prompts
    yes, no = explainer.verdict_ids
    first = [alone(explainer, prompt)[-1] for prompt in prompts]
    expected = [float(torch.sigmoid(logits[yes] - logits[no])) for logits in first]
    assert p_yes(explainer, prompts, 320, USERS) == pytest.approx(np.array(expected), abs=1e-5)

    for prompt, text in zip(prompts, generate(explainer, prompts, 6, 3, USERS, strip=False), strict=True):
        tokens: list[int] = []
        while len(tokens) < 6 and explainer.encoder.end_ids[0] not in tokens:
            tokens.append(int(alone(explainer, continued(prompt, tokens))[-1].argmax()))
        tokens = [token for token in tokens if token != explainer.encoder.end_ids[0]]
        assert text == explainer.encoder.tokenizer.decode(tokens, skip_special_tokens=True)


def test_beams_over_titles_are_brute_force(aligned: Aligned) -> None:
    explainer, prompts = aligned.trained, aligned.prompts[:2]
    titles = [list(explainer.encoder.answer_ids(title)) for title in tiny.TITLES]
    end = explainer.encoder.end_ids[0]
    assert max(map(len, titles)) + 1 > WINDOW / 2  # the beams of one row fill the window many times over
    [found] = beam_search(explainer, prompts, 12, [Space(60, Trie(titles, end))], 2, USERS)
    for prompt, beams in zip(prompts, found, strict=True):
        sums = [log_probability(explainer, prompt, [*tokens, end]) for tokens in titles]
        order = np.argsort(-np.array(sums))
        assert [beam.tokens for beam in beams] == [titles[place] for place in order]
        assert [beam.log_probability for beam in beams] == pytest.approx([sums[p] for p in order], abs=1e-3)
    line_break = list(explainer.encoder.answer_ids("\n"))
    orders = list_candidates(explainer, prompts, [titles[9:], titles[9:]], 2, USERS)
    for prompt, order in zip(prompts, orders, strict=True):
        assert sorted(order) == [0, 1, 2]
        written: list[int] = []
        for named, place in enumerate(order[:2]):  # of titles that begin with different tokens, the first token chooses
            logits = alone(explainer, continued(prompt, written))[-1]
            left = [p for p in range(3) if p not in order[:named]]
            firsts = {titles[9 + p][0]: float(logits[titles[9 + p][0]]) for p in left}
            assert max(firsts, key=lambda token: firsts[token]) == titles[9 + place][0]
            written += [*titles[9 + place], *line_break]


def test_merged_weights_give_the_same_logits(aligned: Aligned, tmp_path: Path) -> None:
    merge(aligned.folder, tmp_path / "plain")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "plain", use_safetensors=True).eval()
    for prompt in aligned.prompts:
        with torch.no_grad():
            logits = plain(inputs_embeds=embedded(aligned.trained, prompt)).logits[0]
        assert torch.allclose(logits, alone(aligned.trained, prompt), atol=2e-3)  # of logits of about 5
