from __future__ import annotations

import pytest
import torch

from recexplainer.recommenders.sasrec import SASRec


@pytest.fixture
def sasrec() -> SASRec:
    torch.manual_seed(1)
    return SASRec(n_items=20, dim=8, n_layers=2, n_heads=2, max_length=6, dropout=0.5).freeze()


def test_a_state_reads_nothing_later(sasrec):
    before = sasrec.hidden_states(torch.tensor([[1, 2, 3, 4, 5]]))
    after = sasrec.hidden_states(torch.tensor([[1, 2, 3, 9, 8]]))
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert (before[:, 3] - after[:, 3]).abs().max() > 1e-3


def test_an_earlier_item_changes_a_later_state(sasrec):
    assert (sasrec.user_vectors([[1, 2, 3]]) - sasrec.user_vectors([[9, 2, 3]])).abs().max() > 1e-3


def test_a_deleted_item_inside_is_not_read_and_moves_nothing(sasrec):
    masked = sasrec.hidden_states(torch.tensor([[1, 0, 3]]))
    assert torch.isfinite(masked).all()
    with torch.no_grad():
        sasrec.items[0] = 100.0  # what stands at the padding must not matter to the others
    torch.testing.assert_close(sasrec.hidden_states(torch.tensor([[1, 0, 3]]))[:, [0, 2]], masked[:, [0, 2]])
    shifted = sasrec.user_vectors([[1, 3]])
    assert (masked[:, 2] - shifted).abs().max() > 1e-4  # place 2 and place 1 of item 1 differ


def test_without_its_newest_item_the_vector_is_the_state_of_the_one_before_at_its_own_place(sasrec):
    states = sasrec.hidden_states(torch.tensor([[1, 2, 3]]))
    torch.testing.assert_close(sasrec.user_vectors([[1, 2, 0]]), states[:, 1])


def test_the_newest_state_alone_is_that_among_all_states(sasrec):
    item_ids = torch.tensor([[0, 0, 3, 4], [5, 0, 6, 0], [0, 0, 0, 0], [1, 2, 3, 4], [7, 0, 0, 0]])
    newest = torch.tensor([3, 2, 0, 3, 0])
    expected = sasrec.hidden_states(item_ids)[torch.arange(5), newest]
    torch.testing.assert_close(sasrec.newest_states(item_ids, newest), expected)
    vectors = sasrec.user_vectors(item_ids)
    torch.testing.assert_close(vectors[[0, 1, 3, 4]], expected[[0, 1, 3, 4]])
    assert not vectors[2].any()


def test_places_count_from_the_newest(sasrec):
    narrow = sasrec.hidden_states(torch.tensor([[1, 2]]))
    wide = sasrec.hidden_states(torch.tensor([[0, 0, 0, 1, 2]]))
    torch.testing.assert_close(wide[:, 3:], narrow)


def test_dropout_is_an_argument_and_no_mode(sasrec):
    torch.manual_seed(0)
    history = torch.tensor([[1, 2, 3]])
    assert not torch.equal(sasrec.hidden_states(history, dropout=0.5), sasrec.hidden_states(history))
    for block in sasrec.blocks:
        block.train()
    assert torch.equal(sasrec.user_vectors([[1, 2, 3]]), sasrec.user_vectors([[1, 2, 3]]))


def test_at_the_mean_a_state_lies_near_its_own_item_plus_the_mean_of_what_it_reads():
    torch.manual_seed(0)
    sasrec = SASRec(n_items=20, dim=64, n_layers=1, n_heads=2, max_length=6, dropout=0.0, temperature=1.0)
    random = sasrec.scores([[1, 2, 3]])[0]
    with torch.no_grad():
        sasrec.items[1:] = 0.5 * torch.eye(64)[:20]
    sasrec.start_at_mean()
    scores = sasrec.scores([[1, 2, 3]])[0, 1:]
    expected = torch.zeros(20)
    expected[:3] = torch.tensor([1 / 3, 1 / 3, 4 / 3])
    torch.testing.assert_close(scores, expected / expected.norm(), atol=0.12, rtol=0)
    assert not torch.allclose(random[1:], expected / expected.norm(), atol=0.3)
