from __future__ import annotations

import pytest
import torch

from recexplainer.recommenders.gru4rec import GRU4Rec


@pytest.fixture
def gru4rec() -> GRU4Rec:
    torch.manual_seed(1)
    return GRU4Rec(n_items=20, dim=8, n_layers=2, max_length=6, dropout=0.5).freeze()


def test_one_step_worked_by_hand():
    recommender = GRU4Rec(n_items=2, dim=1, n_layers=1, max_length=3, dropout=0.0)
    with torch.no_grad():
        for parameter in recommender.parameters():
            parameter.zero_()
        recommender.items[1] = 2.0
        recommender.layers[0].weight_ih_l0[2] = 0.5  # of the new state; both gates stay at a half
    # new state tanh(0.5 · 2), half of it enters; at the next step half of that stays and half of tanh(1) enters
    entered = torch.tensor(1.0).tanh() / 2
    expected = torch.stack([entered, entered / 2 + entered])
    torch.testing.assert_close(recommender.freeze().hidden_states(torch.tensor([[1, 1]]))[0, :, 0], expected)


def test_a_state_reads_nothing_later(gru4rec):
    before = gru4rec.hidden_states(torch.tensor([[1, 2, 3, 4, 5]]))
    after = gru4rec.hidden_states(torch.tensor([[1, 2, 3, 9, 8]]))
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert (before[:, 3] - after[:, 3]).abs().max() > 1e-3


def test_an_earlier_item_and_the_order_change_a_later_state(gru4rec):
    vectors = gru4rec.user_vectors([[1, 2, 3], [9, 2, 3], [2, 1, 3]])
    assert (vectors[0] - vectors[1]).abs().max() > 1e-3
    assert (vectors[0] - vectors[2]).abs().max() > 1e-3


@pytest.mark.parametrize("padded", [[0, 0, 1, 2, 3], [1, 0, 2, 3], [1, 2, 0, 0, 3], [1, 2, 3, 0], [0, 1, 0, 2, 0, 3]])
def test_padding_changes_nothing_wherever_it_stands(gru4rec, padded):
    padded = torch.tensor([padded])
    states = gru4rec.hidden_states(padded)
    assert torch.equal(states[padded != 0], gru4rec.hidden_states(torch.tensor([[1, 2, 3]]))[0])
    assert not states[padded == 0].any()
    assert torch.equal(gru4rec.user_vectors(padded), gru4rec.user_vectors([[1, 2, 3]]))
    with torch.no_grad():
        gru4rec.items[0] = 100.0  # nor does what stands at the padding
    assert torch.equal(gru4rec.hidden_states(padded), states)


def test_a_neighbour_in_the_batch_changes_nothing(gru4rec):
    together = gru4rec.hidden_states(torch.tensor([[1, 0, 2, 0, 0], [0, 0, 0, 0, 0], [5, 6, 7, 8, 9]]))
    torch.testing.assert_close(together[0, [0, 2]], gru4rec.hidden_states(torch.tensor([[1, 2]]))[0])
    assert not together[1].any()


def test_dropout_is_an_argument_and_no_mode(gru4rec):
    torch.manual_seed(0)
    history = torch.tensor([[1, 2, 3]])
    assert not torch.equal(gru4rec.hidden_states(history, dropout=0.5), gru4rec.hidden_states(history))
    for layer in gru4rec.layers:
        layer.train()
    assert torch.equal(gru4rec.user_vectors([[1, 2, 3]]), gru4rec.user_vectors([[1, 2, 3]]))


def test_cudnn_is_left_as_it_was(gru4rec):
    before = torch.backends.cudnn.enabled
    gru4rec.user_vectors([[1, 2, 3]])
    assert torch.backends.cudnn.enabled is before


@pytest.mark.gpu
def test_a_gpu_trains_it_and_gives_the_same_states(gru4rec):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    history = torch.tensor([[1, 0, 2, 3], [0, 4, 5, 0]])
    expected = gru4rec.hidden_states(history)
    gru4rec.requires_grad_(True).cuda()
    states = gru4rec.hidden_states(history.cuda())
    states.sum().backward()
    torch.testing.assert_close(states.detach().cpu(), expected, rtol=1e-5, atol=1e-5)
    assert gru4rec.items.grad is not None
