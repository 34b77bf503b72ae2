from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from recexplainer.llm import beams as beams_module
from recexplainer.llm import reading
from recexplainer.llm.beams import Beam, Space, beam_search
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.reading import Reader
from recexplainer.llm.title_trie import Trie
from recexplainer.prompting.chat import Encoded
from tests import tiny
from tests.alignment.alone import log_probabilities, logits, tables

TOLERANCE = 2e-4
USERS = tiny.some_user_vectors()


def test_a_beam_as_wide_as_the_catalogue_is_brute_force(explainer, prompts, titles, trie) -> None:  # type: ignore[no-untyped-def]
    [found] = beam_search(explainer, prompts, len(titles), [Space(60, trie)], 3, USERS)
    for prompt, beams in zip(prompts, found, strict=True):
        sums = [float(log_probabilities(explainer, prompt, [*t, trie.end]).sum()) for t in titles]
        order = np.argsort(-np.array(sums))
        assert [beam.tokens for beam in beams] == [titles[place] for place in order]
        assert [b.log_probability for b in beams] == pytest.approx([sums[p] for p in order], abs=TOLERANCE)


def test_what_is_barred_behind_a_prompt_is_not_found_and_the_rest_is_as_probable_as_ever(  # type: ignore[no-untyped-def]
    explainer, prompts, titles, trie
) -> None:
    [everything] = beam_search(explainer, prompts, len(titles), [Space(60, trie)], 3, USERS)
    own = [[beams[number].tokens for number in range(n)] for n, beams in enumerate(everything)]  # none of the first, …
    space = Space(60, trie, [trie.barred(tokens) for tokens in own])
    [found] = beam_search(explainer, prompts, len(titles), [space], 3, USERS)
    for n, (beams, expected) in enumerate(zip(found, everything, strict=True)):
        assert [beam.tokens for beam in beams] == [beam.tokens for beam in expected[n:]]
        sums = [beam.log_probability for beam in expected[n:]]
        assert [beam.log_probability for beam in beams] == pytest.approx(sums, abs=TOLERANCE)


@pytest.fixture(params=[False, True], ids=["titles", "free"])
def space(request, explainer, prompts, trie, monkeypatch) -> Space:  # type: ignore[no-untyped-def]
    """The titles, or anything of ten tokens."""
    if not request.param:
        return Space(trie.depth, trie)
    # A random model seldom says the end, so take for it the second likeliest first token: on any processor, whatever
    # the weights are there, it is among the best five of the first step.
    end = int(logits(explainer, prompts[0], [])[-1].topk(2).indices[1])
    monkeypatch.setattr(beams_module, "end_id", lambda explainer: end)
    return Space(10)


def naive(explainer: Explainer, prompt: Encoded, n_beams: int, space: Space, end: int) -> list[Beam]:
    """Beam search step by step, each beam in a pass of its own."""

    def may_follow(tokens: list[int]) -> list[int]:
        if not space.trie:
            return list(range(len(explainer.encoder.tokenizer)))
        node = torch.zeros(1, dtype=torch.long)
        for token in tokens:
            _, options, targets = space.trie.continuations(node)
            node = targets[options == token]
        return space.trie.continuations(node)[1].tolist()

    live, found = [Beam([], 0.0)], []
    for _ in range(space.max_tokens):
        longer = []
        for beam in live:
            scores = logits(explainer, prompt, beam.tokens)[-1].log_softmax(-1).tolist()
            longer += [Beam([*beam.tokens, t], beam.log_probability + scores[t]) for t in may_follow(beam.tokens)]
        best = sorted(longer, key=lambda beam: -beam.log_probability)[: 2 * n_beams]
        found += [Beam(beam.tokens[:-1], beam.log_probability) for beam in best if beam.tokens[-1] == end]
        live = [beam for beam in best if beam.tokens[-1] != end][:n_beams]
    return sorted(found, key=lambda beam: -beam.log_probability)[:n_beams]


def test_three_beams_are_those_of_a_search_step_by_step(explainer, prompts, space) -> None:  # type: ignore[no-untyped-def]
    [found] = beam_search(explainer, prompts, 3, [space], 2, USERS)
    end = beams_module.end_id(explainer)
    for prompt, beams in zip(prompts[1:3], found[1:3], strict=True):
        expected = naive(explainer, prompt, 3, space, end)
        assert [beam.tokens for beam in beams] == [beam.tokens for beam in expected]
        sums = [beam.log_probability for beam in expected]
        assert [beam.log_probability for beam in beams] == pytest.approx(sums, abs=TOLERANCE)


def transformers_beams(explainer: Explainer, prompt: Encoded, space: Space, end: int) -> list[Beam]:
    """What `generate` of transformers finds with five beams: answers that end, best first."""

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        assert space.trie
        node = torch.zeros(1, dtype=torch.long)
        for token in tokens.tolist():
            if token == end:
                return [end]
            _, options, targets = space.trie.continuations(node)
            node = targets[options == token][:1]
        return space.trie.continuations(node)[1].tolist()

    embeddings = explainer.embed(*tables(prompt, []), USERS)
    output = explainer.llm.generate(
        inputs_embeds=embeddings, attention_mask=torch.ones(embeddings.shape[:2], dtype=torch.long),
        max_new_tokens=space.max_tokens, num_beams=5, num_return_sequences=5, do_sample=False, length_penalty=0.0,
        early_stopping="never", eos_token_id=end, pad_token_id=0,
        prefix_allowed_tokens_fn=allowed if space.trie else None, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    rows, scores = output.sequences.tolist(), output.sequences_scores.tolist()
    return [Beam(row[: row.index(end)], s) for row, s in zip(rows, scores, strict=True) if end in row and s > -1e8]


def test_five_beams_are_those_of_transformers_when_it_counts_all_ends(  # type: ignore[no-untyped-def]
    explainer, prompts, space, monkeypatch
) -> None:
    """transformers looks for ends among the best five continuations of a step, ours among the best ten: so ours are
    never worse, and they are the same once it does so too.
    """
    end = beams_module.end_id(explainer)
    model = explainer.llm.get_base_model()
    update: Callable[..., tuple[torch.Tensor, ...]] = model._update_finished_beams
    n_same = 0
    [found] = beam_search(explainer, prompts, 5, [space], 2, USERS)
    for prompt, beams in zip(prompts, found, strict=True):
        fewer = transformers_beams(explainer, prompt, space, end)
        for mine, theirs in zip(beams, fewer, strict=False):
            assert mine.log_probability > theirs.log_probability - TOLERANCE
        with monkeypatch.context() as patch:
            patch.setattr(
                model,
                "_update_finished_beams",
                lambda top_num_beam_mask, **given: update(
                    top_num_beam_mask=torch.ones_like(top_num_beam_mask), **given
                ),
                raising=False,
            )
            same = transformers_beams(explainer, prompt, space, end)
        assert [beam.tokens for beam in beams][: len(same)] == [beam.tokens for beam in same]
        sums = [beam.log_probability for beam in same]
        assert [beam.log_probability for beam in beams][: len(same)] == pytest.approx(sums, abs=TOLERANCE)
        assert len(beams) >= len(same)
        n_same += len(same)
    assert n_same > 0


def test_beams_end_and_are_ordered(explainer, prompts, trie) -> None:  # type: ignore[no-untyped-def]
    for beams in beam_search(explainer, prompts, 3, [Space(60, trie)], 4, USERS)[0]:
        scores = [beam.log_probability for beam in beams]
        assert len(beams) == 3 and scores == sorted(scores, reverse=True)
    few = Trie([[9], [9, 10]], trie.end)
    assert [len(beams) for beams in beam_search(explainer, prompts, 5, [Space(60, few)], 4, USERS)[0]] == [2] * 5
    assert beam_search(explainer, prompts[:1], 5, [Space(1, few)], 4, USERS) == [[[]]]  # it has not ended by then
    assert beam_search(explainer, [], 5, [Space(60, trie), Space(5)], 4, USERS) == [[], []]
    assert beam_search(explainer, prompts[:1], 5, [Space(3, Trie([], trie.end))], 4, USERS) == [[[]]]


def test_spaces_share_the_prompt_and_nothing_else(explainer, prompts, trie, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    spaces = [Space(trie.depth, trie), Space(6), Space(60, Trie([[9], [9, 10]], trie.end))]
    alone = [beam_search(explainer, prompts, 4, [space], 5, USERS)[0] for space in spaces]
    readers = []
    begin = Reader.__init__
    monkeypatch.setattr(Reader, "__init__", lambda self, *given: readers.append(self) or begin(self, *given))
    together = beam_search(explainer, prompts, 4, spaces, 5, USERS)
    assert len(readers) == 1
    for mine, theirs in zip(together, alone, strict=True):
        assert [[b.tokens for b in beams] for beams in mine] == [[b.tokens for b in beams] for beams in theirs]


@pytest.mark.parametrize(("ahead", "full"), [(0, 1.0), (1, 0.01), (3, 0.5), (99, 0.01)])
def test_reading_ahead_changes_no_answer(explainer, prompts, ahead, full, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    end = explainer.encoder.end_ids[0]
    titles = [[9, *range(20, 20 + n)] for n in (1, 4, 9)] + [[10, 11, 12], [10, 30, *range(40, 60)], [13]]
    long = Space(40, Trie(titles, end))
    reads = []
    read = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, nodes: reads.append(1) or read(self, nodes))
    monkeypatch.setattr(beams_module, "AHEAD", ahead)
    monkeypatch.setattr(reading, "FULL", full)
    [found] = beam_search(explainer, prompts[:2], len(titles), [long], 2, USERS)
    for prompt, beams in zip(prompts, found, strict=False):
        sums = {tuple(t): float(log_probabilities(explainer, prompt, [*t, end]).sum()) for t in titles}
        assert [tuple(beam.tokens) for beam in beams] == sorted(sums, key=lambda tokens: -sums[tokens])
        assert {tuple(b.tokens): b.log_probability for b in beams} == pytest.approx(sums, abs=TOLERANCE)
    # At most what the longest has; at least: 9, 10 and 13; then 20, 11 and 30 with what follows; to 23; the rest.
    assert len(reads) in {0: [22], 99: [4]}.get(ahead, range(5, 22))
