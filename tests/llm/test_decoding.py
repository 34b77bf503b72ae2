from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recexplainer.llm import decoding
from recexplainer.llm.beams import Space, beam_search
from recexplainer.llm.decoding import generate, list_candidates, p_yes
from recexplainer.llm.reading import Reader
from recexplainer.prompting.chat import Slot
from tests import tiny
from tests.alignment.alone import greedy, log_probabilities

USERS = tiny.some_user_vectors()


def test_neither_the_batch_nor_the_padding_changes_an_answer(explainer, prompts, titles, trie) -> None:  # type: ignore[no-untyped-def]
    answers = []
    for batch_size in (1, 2, 5):
        [beams] = beam_search(explainer, prompts, 4, [Space(60, trie)], batch_size, USERS)
        candidates = [titles[:5]] * 5
        answers.append(
            (
                [[beam.tokens for beam in row] for row in beams],
                generate(explainer, prompts, 8, batch_size, USERS),
                list_candidates(explainer, prompts, candidates, batch_size, USERS),
            )
        )
    assert answers[0] == answers[1] == answers[2]
    alone = [generate(explainer, [prompt], 8, 1, USERS)[0] for prompt in prompts]
    assert answers[0][1] == alone and len(set(alone)) > 1


def test_greedy_answers_are_the_most_probable_tokens(explainer, prompts) -> None:  # type: ignore[no-untyped-def]
    texts = generate(explainer, prompts, 6, 4, USERS, strip=False)
    for prompt, text in zip(prompts, texts, strict=True):
        answer = greedy(explainer, prompt, 6)
        assert explainer.encoder.tokenizer.decode(answer, skip_special_tokens=True) == text


def test_an_answer_stops_at_its_end(explainer, prompts, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    answer = greedy(explainer, prompts[0], 6)
    monkeypatch.setattr(decoding, "end_id", lambda explainer: answer[3])
    [text] = generate(explainer, prompts[:1], 6, 1, USERS, strip=False)
    begun = answer[: answer.index(answer[3])]
    assert text == explainer.encoder.tokenizer.decode(begun, skip_special_tokens=True)


def test_a_ranking_is_a_permutation_and_brute_force_greedy(explainer, prompts, titles) -> None:  # type: ignore[no-untyped-def]
    line_break = list(explainer.encoder.answer_ids("\n"))
    rng = np.random.default_rng(0)
    candidates = [[titles[place] for place in rng.permutation(len(titles))[:5]] for _ in prompts]
    candidates[0] = [titles[0], titles[1], titles[7], titles[8], titles[9]]  # Rust, Rust II, Fox, Fox on the Run
    for prompt, own, order in zip(
        prompts, candidates, list_candidates(explainer, prompts, candidates, 3, USERS), strict=True
    ):
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


def test_what_a_ranking_has_no_choice_in_is_read_at_once(explainer, prompts, titles, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    reads = []
    read = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, nodes: reads.append(nodes) or read(self, nodes))
    [order] = list_candidates(explainer, prompts[:1], [[titles[2], titles[5], titles[11]]], 1, USERS)
    assert sorted(order) == [0, 1, 2] and len(reads) == 1  # the last title is not asked for
    lengths = [len(titles[(2, 5, 11)[place]]) for place in order]
    assert len(reads[0][0]) in (lengths[0] + 1, lengths[0] + 2)  # "Rust" and "Iron Wolf" may begin alike


def test_rankings_of_equal_and_of_single_candidates(explainer, prompts, titles) -> None:  # type: ignore[no-untyped-def]
    orders = list_candidates(explainer, prompts[:2], [[titles[2], titles[2], titles[3]], [titles[4]]], 2, USERS)
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
        assert p_yes(explainer, grouped, row_tokens, USERS) == pytest.approx(np.array(alone), abs=1e-5)
    assert len(p_yes(explainer, [], 10, USERS)) == 0


def test_named_candidates_are_brute_force_greedy_and_end_where_the_llm_ends(explainer, prompts, titles) -> None:  # type: ignore[no-untyped-def]
    line_break, end = list(explainer.encoder.answer_ids("\n")), decoding.end_id(explainer)
    sentence = list(explainer.encoder.answer_ids("No item in the history does."))
    candidates = [titles[0], titles[1], titles[7], titles[8], titles[9]]  # Rust, Rust II, Fox, Fox on the Run, …
    named = list_candidates(explainer, prompts, [candidates] * len(prompts), 3, USERS, otherwise=sentence, most=2)
    for prompt, order in zip(prompts, named, strict=True):
        written: list[int] = []
        expected: list[int] = []
        while len(expected) < 2:
            lines = [
                (c, [*t, last]) for c, t in enumerate(candidates) if c not in expected for last in (line_break[0], end)
            ]
            lines += [] if expected else [(-1, [*sentence, end])]
            begun: list[int] = []
            while [line for _, line in lines] != [begun]:
                fitting = sorted({line[len(begun)] for _, line in lines if line[: len(begun)] == begun})
                scores = [float(log_probabilities(explainer, prompt, [*written, *begun, t])[-1]) for t in fitting]
                begun.append(fitting[int(np.argmax(scores))])
                lines = [(c, line) for c, line in lines if line[: len(begun)] == begun]
            written += begun
            expected += [lines[0][0]]
            if begun[-1] == end:
                break
        assert order == [c for c in expected if c >= 0]
    assert len(set(map(tuple, named))) > 1


def test_an_answer_may_be_the_sentence_alone(explainer, prompts, titles) -> None:  # type: ignore[no-untyped-def]
    sentence = greedy(explainer, prompts[0], 1)  # what the LLM would say anyway
    assert titles[4][0] != sentence[0] != titles[5][0]
    assert list_candidates(explainer, prompts[:1], [titles[4:6]], 1, USERS, otherwise=sentence, most=2) == [[]]
    [order] = list_candidates(explainer, prompts[:1], [titles[4:5]], 1, USERS, otherwise=[titles[5][0]], most=1)
    assert order in ([0], [])
