from __future__ import annotations

import numpy as np
import torch

from recexplainer.llm import reading
from recexplainer.llm.reading import Node, Reader
from recexplainer.prompting.chat import Encoded
from tests import tiny
from tests.alignment.alone import logits


def chain(tokens: list[int], parent: Node) -> list[Node]:
    """Nodes one behind the other."""
    nodes: list[Node] = []
    for token in tokens:
        nodes.append(Node(token, nodes[-1] if nodes else parent))
    return nodes


@torch.inference_mode()
def test_a_tree_is_read_as_each_of_its_branches_alone(explainer, prompts, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(reading, "READ_TOKENS", 60)  # so that the prompts are read in several parts
    prompts = sorted(prompts, key=len)
    reader = Reader(explainer, prompts, tiny.some_user_vectors())
    for prompt, first in zip(prompts, reader.first, strict=True):
        assert torch.allclose(first, logits(explainer, prompt, [])[0], atol=1e-4)

    def check(row: int, tokens: list[int], got: torch.Tensor) -> None:
        assert torch.allclose(got, logits(explainer, prompts[row], tokens)[-len(got) :], atol=1e-4)

    roots = [Node() for _ in prompts]
    trunk, branch, other = chain([7, 8, 9], roots[0]), chain([10], roots[0]), chain([20, 21], roots[3])
    got = reader.read({0: [*trunk, *branch], 3: other, 1: chain([5], roots[1])})
    check(0, [7, 8, 9], got[:3])
    check(0, [10], got[3:4])
    check(3, [20, 21], got[4:6])
    check(1, [5], got[6:])
    got = reader.read({3: chain([30, 31], other[-1]), 0: [*chain([11], trunk[1]), *chain([12], branch[0])]})
    check(3, [20, 21, 30, 31], got[:2])
    check(0, [7, 8, 11], got[2:3])
    check(0, [10, 12], got[3:])
    far = chain(list(np.arange(40, 100)), other[0])  # behind all the room there was
    check(3, [20, *range(40, 100)], reader.read({3: far}))
    check(3, [20, *range(40, 100), 6], reader.read({3: chain([6], far[-1])}))


def test_batches_hold_equally_many_tokens_with_padding_and_answers() -> None:
    lengths = [3, 40, 7, 38, 3, 12, 4, 20, 4]
    prompts = [Encoded(*[np.zeros(length, np.int32)] * 4) for length in lengths]
    found = list(reading.batches(prompts, batch_size=2, n_new=10))
    assert found == [[1, 3], [7, 5, 2], [6, 8, 0, 4]]
    assert all(len(rows) * (lengths[rows[0]] + 10) <= 2 * (40 + 10) for rows in found)
    alike = [prompts[0]] * 5
    assert list(reading.batches(alike, batch_size=2, n_new=10)) == [[0, 1], [2, 3], [4]]
    assert list(reading.batches([], batch_size=2)) == []
