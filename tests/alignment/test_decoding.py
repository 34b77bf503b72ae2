from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recexplainer.alignment import decoding
from recexplainer.alignment.chat import Encoded, Slot
from recexplainer.alignment.decoding import beam_search, generate, p_yes, rank_candidates
from recexplainer.alignment.trie import Trie
from recexplainer.explainer.generate import _append
from recexplainer.explainer.model import Explainer
from tests import tiny

TOLERANCE = 2e-4


@pytest.fixture(scope="module")
def explainer(base: Path) -> Explainer:
    """Mode both, so that prompts hold slots."""
    return tiny.explainer(base, "both")


@pytest.fixture(scope="module")
def prompts(explainer: Explainer) -> list[Encoded]:
    """Prompts of different lengths, some with vectors."""
    contents: list[list[Any]] = [
        ["Which title?"],
        ["User: ", Slot("user", 1), "\nWhich item does the recommender rank first for this user?"],
        ["Item: ", Slot("item", 5), " and ", Slot("item", 2), "\nWhat is the title?"],
        ["History, oldest first:\nFox\nRust\nIron Wolf\nAmber Gate\nWhich title?"],
        ["x"],
    ]
    return [explainer.encoder.prompt(content) for content in contents]


@pytest.fixture(scope="module")
def titles(explainer: Explainer) -> list[list[int]]:
    return [list(explainer.encoder.answer_ids(title)) for title in tiny.TITLES]


@pytest.fixture(scope="module")
def trie(explainer: Explainer, titles: list[list[int]]) -> Trie:
    return Trie(titles, explainer.encoder.end_ids[0])


@torch.no_grad()
def log_probabilities(explainer: Explainer, prompt: Encoded, answer: list[int]) -> torch.Tensor:
    """The log-probability of each token of an answer, from one pass over prompt and answer without a cache."""
    embeddings = explainer.embed(*tables(prompt, answer))
    logits = explainer.llm(inputs_embeds=embeddings).logits[0, len(prompt) - 1 : -1].float()
    return logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]


def test_a_beam_as_wide_as_the_catalogue_is_brute_force(explainer, prompts, titles, trie) -> None:  # type: ignore[no-untyped-def]
    found = beam_search(explainer, prompts, len(titles), 60, 3, trie)
    for prompt, beams in zip(prompts, found, strict=True):
        sums = [float(log_probabilities(explainer, prompt, [*t, trie.end]).sum()) for t in titles]
        order = np.argsort(-np.array(sums))
        assert [beam.tokens for beam in beams] == [titles[place] for place in order]
        assert [b.log_probability for b in beams] == pytest.approx([sums[p] for p in order], abs=TOLERANCE)


def transformers_beams(
    explainer: Explainer, prompt: Encoded, n_beams: int, max_new_tokens: int, end: int, trie: Trie | None
) -> dict[tuple[int, ...], float]:
    """What `generate` of transformers finds: answers that end, with their log-probabilities."""

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        node = torch.zeros(1, dtype=torch.long)
        for token in tokens.tolist():
            if token == end:
                return [end]
            _, options, targets = trie.continuations(node)  # type: ignore[union-attr]
            node = targets[options == token][:1]
        return trie.continuations(node)[1].tolist()  # type: ignore[union-attr]

    embeddings = explainer.embed(*tables(prompt))
    output = explainer.llm.generate(
        inputs_embeds=embeddings, attention_mask=torch.ones(embeddings.shape[:2], dtype=torch.long),
        max_new_tokens=max_new_tokens, num_beams=n_beams, num_return_sequences=n_beams, do_sample=False,
        length_penalty=0.0, early_stopping=False, eos_token_id=end, pad_token_id=0,
        prefix_allowed_tokens_fn=allowed if trie else None, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    rows, scores = output.sequences.tolist(), output.sequences_scores.tolist()
    return {tuple(row[: row.index(end)]): s for row, s in zip(rows, scores, strict=True) if end in row}


@pytest.mark.parametrize("is_free", [False, True])
def test_five_beams_are_those_of_transformers_and_what_it_passes_over(  # type: ignore[no-untyped-def]
    explainer, prompts, trie, is_free, monkeypatch
) -> None:
    """Ours keep an answer that ends among the ten best continuations of its step; transformers looks at five of them.

    So ours are never worse, and an answer of theirs is missing only where ours has five better ones.
    """
    end, limit = trie.end, trie.depth
    if is_free:  # of so large a vocabulary a random model seldom says the end: take a token that it likes for it
        answers = [_greedy(explainer, prompt, 6) for prompt in prompts]
        end, limit = answers[0][3], 10
        monkeypatch.setattr(decoding, "end_id", lambda explainer: end)
    n_same = n_theirs = 0
    for prompt, beams in zip(
        prompts, beam_search(explainer, prompts, 5, limit, 2, None if is_free else trie), strict=True
    ):
        ours = {tuple(beam.tokens): beam.log_probability for beam in beams}
        theirs = transformers_beams(explainer, prompt, 5, limit, end, None if is_free else trie)
        worst = min(ours.values()) if len(ours) == 5 else -np.inf
        for tokens, score in theirs.items():
            if tokens in ours:
                assert ours[tokens] == pytest.approx(score, abs=TOLERANCE)
            else:
                assert score <= worst + TOLERANCE
        for tokens, score in ours.items():
            log_p = log_probabilities(explainer, prompt, [*tokens, end])
            assert score == pytest.approx(float(log_p.sum()), abs=TOLERANCE)
        n_same += len(set(ours) & set(theirs))
        n_theirs += len(theirs)
    assert n_same >= 0.5 * n_theirs > 0


def test_beams_end_and_are_ordered(explainer, prompts, trie) -> None:  # type: ignore[no-untyped-def]
    for beams in beam_search(explainer, prompts, 3, 60, 4, trie):
        scores = [beam.log_probability for beam in beams]
        assert len(beams) == 3 and scores == sorted(scores, reverse=True)
    few = Trie([[9], [9, 10]], trie.end)
    assert [len(beams) for beams in beam_search(explainer, prompts, 5, 60, 4, few)] == [2] * 5
    assert beam_search(explainer, prompts[:1], 5, 1, 4, few) == [[]]  # what has not ended by then is dropped
    assert beam_search(explainer, [], 5, 60, 4, trie) == []


def test_neither_the_batch_nor_the_padding_changes_an_answer(explainer, prompts, titles, trie) -> None:  # type: ignore[no-untyped-def]
    answers = []
    for batch_size in (1, 2, 5):
        beams = beam_search(explainer, prompts, 4, 60, batch_size, trie)
        candidates = [titles[:5]] * 5
        answers.append(
            (
                [[beam.tokens for beam in row] for row in beams],
                generate(explainer, prompts, 8, batch_size),
                rank_candidates(explainer, prompts, candidates, batch_size),
            )
        )
    assert answers[0] == answers[1] == answers[2]
    alone = [generate(explainer, [prompt], 8, 1)[0] for prompt in prompts]
    assert answers[0][1] == alone and len(set(alone)) > 1


def test_greedy_answers_are_the_most_probable_tokens(explainer, prompts) -> None:  # type: ignore[no-untyped-def]
    texts = generate(explainer, prompts, 6, 4, strip=False)
    for prompt, text in zip(prompts, texts, strict=True):
        answer = _greedy(explainer, prompt, 6)
        assert explainer.encoder.tokenizer.decode(answer, skip_special_tokens=True) == text


def test_an_answer_stops_at_its_end(explainer, prompts, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    answer = _greedy(explainer, prompts[0], 6)
    monkeypatch.setattr(decoding, "end_id", lambda explainer: answer[3])
    [text] = generate(explainer, prompts[:1], 6, 1, strip=False)
    begun = answer[: answer.index(answer[3])]
    assert text == explainer.encoder.tokenizer.decode(begun, skip_special_tokens=True)


def tables(prompt: Encoded, answer: list[int] | None = None) -> list[torch.Tensor]:
    """Ids and slots of a prompt and the answer so far, as a batch of one."""
    whole = _append(prompt, answer or [])
    return [torch.from_numpy(t[None]).long() for t in (whole.input_ids, whole.user_slots, whole.item_slots)]


@torch.no_grad()
def _greedy(explainer: Explainer, prompt: Encoded, n_tokens: int) -> list[int]:
    answer: list[int] = []
    while len(answer) < n_tokens:
        logits = explainer.llm(inputs_embeds=explainer.embed(*tables(prompt, answer))).logits
        answer.append(int(logits[0, -1].argmax()))
        if answer[-1] == explainer.encoder.end_ids[0]:
            return answer[:-1]
    return answer


def test_a_ranking_is_a_permutation_and_brute_force_greedy(explainer, prompts, titles) -> None:  # type: ignore[no-untyped-def]
    line_break = list(explainer.encoder.answer_ids("\n"))
    rng = np.random.default_rng(0)
    candidates = [[titles[place] for place in rng.permutation(len(titles))[:5]] for _ in prompts]
    candidates[0] = [titles[0], titles[1], titles[7], titles[8], titles[9]]  # Rust, Rust II, Fox, Fox on the Run
    for prompt, own, order in zip(prompts, candidates, rank_candidates(explainer, prompts, candidates, 3), strict=True):
        assert sorted(order) == [0, 1, 2, 3, 4]
        written: list[int] = []
        for place in order:
            lines = {c: [*own[c], *line_break] for c in range(5) if c not in order[: order.index(place)]}
            begun: list[int] = []
            while len(begun) < len(lines[place]):
                fitting = {line[len(begun)] for line in lines.values() if line[: len(begun)] == begun}
                logits = {
                    token: float(log_probabilities(explainer, prompt, [*written, *begun, token])[-1])
                    for token in fitting
                }
                assert max(logits, key=lambda token: logits[token]) == lines[place][len(begun)]
                begun.append(lines[place][len(begun)])
            written += begun


def test_rankings_of_equal_and_of_single_candidates(explainer, prompts, titles) -> None:  # type: ignore[no-untyped-def]
    orders = rank_candidates(explainer, prompts[:2], [[titles[2], titles[2], titles[3]], [titles[4]]], 2)
    assert sorted(orders[0]) == [0, 1, 2] and orders[1] == [0]


def test_p_yes_is_that_of_one_prompt_alone_however_prompts_are_grouped(explainer) -> None:  # type: ignore[no-untyped-def]
    contents = [
        ["User: ", Slot("user", user), "\nWill the user like this item? ", Slot("item", item), " Fox", "\nAnswer."]
        for user in range(3)
        for item in (1, 2, 3)
    ]  # fmt: skip
    encoder = explainer.encoder
    yes, no = encoder.answer_ids("Yes")[0], encoder.answer_ids("No")[0]
    alone = []
    for content in contents:
        first = [float(log_probabilities(explainer, encoder.prompt(content), [token])[0]) for token in (yes, no)]
        alone.append(1 / (1 + np.exp(first[1] - first[0])))
    assert np.std(alone) > 1e-3
    by_user, mixed = [n // 3 for n in range(9)], [n % 3 for n in range(9)]
    for groups, row_tokens in (([-1] * 9, 64), ([0] * 9, 400), (by_user, 128), (mixed, 1)):
        grouped = [
            replace(encoder.prompt(content), group=group) for content, group in zip(contents, groups, strict=True)
        ]
        assert p_yes(explainer, grouped, row_tokens) == pytest.approx(np.array(alone), abs=1e-5)
    assert len(p_yes(explainer, [], 10)) == 0
