from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from tokenizers import normalizers

from recexplainer.core.errors import InputError
from recexplainer.llm.title_trie import Trie, title_tokens
from recexplainer.prompting.chat import ChatEncoder
from tests import tiny

SEQUENCES = [[5, 6], [5, 6, 7], [5, 8], [9], [5, 6]]
END = 0


def walks(trie: Trie) -> list[list[int]]:
    """All paths from the root to the leaves."""
    finished, open_ = [], [([], 0)]
    while open_:
        path, node = open_.pop()
        rows, tokens, targets = trie.continuations(torch.tensor([node]))
        assert rows.tolist() == [0] * len(tokens)
        if len(tokens) == 0:
            finished.append(path)
        open_ += [([*path, t], n) for t, n in zip(tokens.tolist(), targets.tolist(), strict=True)]
    return sorted(finished)


def test_the_paths_are_the_sequences_with_their_end() -> None:
    assert walks(Trie(SEQUENCES, END)) == [[5, 6, END], [5, 6, 7, END], [5, 8, END], [9, END]]


def test_continuations_of_many_nodes_at_once_are_those_of_each() -> None:
    trie = Trie(SEQUENCES, END)
    _, tokens, nodes = trie.continuations(torch.tensor([0]))
    five = int(nodes[tokens.tolist().index(5)])
    leaf = int(trie.continuations(nodes[tokens == 9])[2])
    rows, tokens, _ = trie.continuations(torch.tensor([five, leaf, 0, five]))
    found = {row: sorted(tokens[rows == row].tolist()) for row in range(4)}
    assert found == {0: [6, 8], 1: [], 2: [5, 9], 3: [6, 8]}


def test_the_depth_is_that_of_the_longest_sequence_with_its_end() -> None:
    assert Trie(SEQUENCES, END).depth == 4
    assert Trie([], END).depth == 1


def test_what_is_forced_goes_up_to_a_choice_or_the_end() -> None:
    trie = Trie([[5, 6, 7, 8], [5, 6, 7, 9, 9], [4]], END)
    _, tokens, nodes = trie.continuations(torch.tensor([0]))
    children = dict(zip(tokens.tolist(), nodes.tolist(), strict=True))
    path = trie.forced(children[5], 10)
    assert [token for token, _ in path] == [6, 7] and trie.forced(children[5], 1) == path[:1]
    assert trie.forced(path[-1][1], 10) == []  # 8 or 9
    assert trie.forced(children[4], 10) == []  # the end


@pytest.mark.parametrize("barred", [[], [[5, 6]], [[5, 6, 7], [5, 6]], [[9]], [[5, 8], [5, 6], [5, 6, 7]], SEQUENCES])
def test_what_is_barred_is_not_found_and_no_path_ends_before_a_leaf(barred: list[list[int]]) -> None:
    trie = Trie(SEQUENCES, END)
    closed = trie.barred(barred)
    found, open_ = [], [([], 0)]
    while open_:
        path, node = open_.pop()
        _, tokens, targets = trie.continuations(torch.tensor([node]))
        going = [
            pair for pair in zip(tokens.tolist(), targets.tolist(), strict=True) if pair[0] not in closed.get(node, [])
        ]
        assert going or len(tokens) == 0 or node == 0
        if len(tokens) == 0:
            found.append(path[:-1])
        open_ += [([*path, token], target) for token, target in going]
    assert sorted(found) == sorted(sequence for sequence in ([5, 6], [5, 6, 7], [5, 8], [9]) if sequence not in barred)


def test_a_large_catalogue_takes_two_flat_arrays_and_every_title_is_a_path() -> None:
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 40, size=rng.integers(1, 9)).tolist() for _ in range(5000)]
    sequences.append([7] * 300)  # one long title does not make all of them long
    tracemalloc.start()
    trie = Trie(sequences, END)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    prefixes = {tuple([*s, END][:n]) for s in sequences for n in range(len(s) + 2)}
    assert len(trie.starts) == len(prefixes) + 1 and len(trie.tokens) == len(prefixes) - 1
    assert kept < 10 * len(prefixes) and peak < 100 * len(prefixes)  # bytes; of dictionaries 300 and more
    assert walks(trie) == sorted(map(list, {(*s, END) for s in sequences}))


def test_titles_that_a_tokenizer_cannot_tell_apart_are_refused() -> None:
    encoder = ChatEncoder(tiny.tokenizer())
    assert title_tokens(encoder, ["DOOM", "Doom"]) == [list(encoder.answer_ids(title)) for title in ("DOOM", "Doom")]
    made = tiny.tokenizer()
    made.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(InputError, match="gives the titles 'DOOM' and 'Doom' the same tokens; rename items"):
        title_tokens(ChatEncoder(made), ["Fox", "DOOM", "Rust", "Doom"])
    made.backend_tokenizer.normalizer = normalizers.Replace("Fox", "")
    with pytest.raises(InputError, match="cannot encode the title 'Fox' in an answer"):
        title_tokens(ChatEncoder(made), ["Rust", "Fox"])
