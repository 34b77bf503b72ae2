"""Where the connectors start: slots at words, users in the direction of what the recommender ranks high for them.

Source: none in the paper, whose connectors start at random. An item's slot is fitted to the mean token embedding of the
item's text. A user's slot is fitted to the direction along which the items' slots are ordered as the recommender
orders the items, so that what a user likes is what the user's slot resembles.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recexplainer.core.settings import Align
from recexplainer.llm.base_model import token_embeddings
from recexplainer.llm.connectors import Connector, fit_connector
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.prompts import PromptWriter

_SHARPNESS = 4.0  # of the softmax over standardised scores
_RIDGE = 0.02  # of the mean squared length of an item's slot; without it, a user's slot is mostly noise
AT_ONCE = 2**25  # numbers of one block (embeddings of texts, scores of users): it bounds the memory, not the result


def warm_start(
    explainer: Explainer,
    writer: PromptWriter,
    user_vectors: Tensor,
    histories: Sequence[Sequence[int]],
    align: Align,
    seed: int,
) -> dict[str, float]:
    """Fit the connectors of an explainer in place.

    Scores are taken to be inner products of the recommender's user and item vectors. Where they are not, users
    start somewhere else, and training has to do the rest.

    Args:
        explainer: The explainer; one without connectors is left as it is.
        writer: Writes the items' texts.
        user_vectors: (n, dim) of the training pairs.
        histories: Of the same pairs: item ids.
        align: `warm_start_steps` of the fit, of which 0 leave the connectors as they are, and `warm_start_top`, the
            `top` of `directions`.
        seed: Of the fit.

    Returns:
        The share of variance explained by the item and by the user connector; empty where nothing was fitted.
    """
    if explainer.connectors is None or align.warm_start_steps == 0:
        return {}
    assert explainer.item_vectors is not None
    table = token_embeddings(explainer.llm)
    items = explainer.item_vectors[1:].to(table.device)
    users = user_vectors.to(table.device)
    words = item_words(table, item_tokens(explainer, writer).to(table.device))
    seen = histories if align.warm_start_top else [[] for _ in histories]
    fits = {"item": (items, words), "user": (users, _directions_of_users(users, items, words, seen, align))}
    explained = {}
    for name, (vectors, targets) in fits.items():
        connector = explainer.connectors[name]
        assert isinstance(connector, Connector)
        explained[f"warm_start_{name}"] = round(
            fit_connector(connector, vectors, targets, align.warm_start_steps, seed), 4
        )
    return explained


def item_tokens(explainer: Explainer, writer: PromptWriter) -> Tensor:
    """(n_items, length) the tokens of every item's text, from item 1; −1 behind the shorter ones."""
    texts = [writer.item_text(item) for item in range(1, writer.catalogue.n_items + 1)]
    rows = [torch.tensor(explainer.encoder.answer_ids(text)) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)


@torch.no_grad()
def item_words(table: Tensor, token_ids: Tensor) -> Tensor:
    """(…, n_items, hidden) the mean token embedding of each text, spread around their centre to the scale of one token.

    Args:
        table: (vocabulary, hidden) the token embeddings.
        token_ids: (…, n_items, length) of one catalogue or of several, −1 behind the shorter texts.
    """
    per_item = token_ids[..., :1, :].numel() * table.shape[1]
    rows = token_ids.split(max(1, AT_ONCE // max(1, per_item)), dim=-2)
    means = torch.cat([_mean_embeddings(table, some) for some in rows], dim=-2)
    centre = means.mean(dim=-2, keepdim=True)
    return _to_scale(means.sub_(centre), table).add_(centre)


def _mean_embeddings(table: Tensor, token_ids: Tensor) -> Tensor:
    """(…, n_items, hidden) the mean token embedding of each text."""
    present = (token_ids >= 0).to(table.dtype)
    return (table[token_ids.clamp(min=0)] * present[..., None]).sum(dim=-2) / present.sum(dim=-1, keepdim=True)


def _directions_of_users(
    users: Tensor, items: Tensor, words: Tensor, seen: Sequence[Sequence[int]], align: Align
) -> Tensor:
    """`user_directions` of the scores of users (n_users, dim) and items (n_items, dim), without what each has seen.

    The scores of all users at once would not fit where there are many users and items.
    """
    ranking = ranking_map(words)
    found = []
    for rows in torch.arange(len(users)).split(max(1, AT_ONCE // len(items))):
        scores = users[rows] @ items.T
        for place, row in enumerate(rows.tolist()):
            scores[place, [item - 1 for item in seen[row]]] = -torch.inf
        found.append(_unscaled_directions(ranking, scores, align.warm_start_top))
    return _to_scale(torch.cat(found), words) if found else users.new_zeros(0, words.shape[1])


def user_directions(words: Tensor, scores: Tensor, top: float = 0.0) -> Tensor:
    """(n_users, hidden) directions whose inner products with the items' slots follow the scores (ridge regression).

    Args:
        words: (n_items, hidden) the items' slots.
        scores: (n_users, n_items) the recommender's scores.
        top: As in `directions`.
    """
    return directions(ranking_map(words), scores, words, top)


@torch.no_grad()
def ranking_map(words: Tensor) -> Tensor:
    """(…, hidden, n_items) what turns standardised scores into the direction that they are read off from.

    Args:
        words: (…, n_items, hidden) the items' slots of one catalogue or of several.
    """
    spread = words - words.mean(dim=-2, keepdim=True)
    gram = spread.mT @ spread / spread.shape[-2]
    mean = gram.diagonal(dim1=-2, dim2=-1).mean(dim=-1)[..., None, None]
    return torch.linalg.solve(gram + _RIDGE * mean * torch.eye(gram.shape[-1], device=gram.device), spread.mT)


@torch.no_grad()
def directions(ranking: Tensor, scores: Tensor, words: Tensor, top: float = 0.0) -> Tensor:
    """(…, n_users, hidden) users' slots, at the scale of the items'.

    A direction has fewer dimensions than a large catalogue has items, so it cannot follow all scores. Then `top` says
    how much the few items far above the others count, besides the order of all.

    Args:
        ranking: (…, hidden, n_items) as `ranking_map` gives it.
        scores: (…, n_users, n_items) the recommender's scores, on any scale; −inf for what shall not count.
        words: (…, n_items, hidden) the items' slots.
        top: The weight of the scores' softmax, against 1 of the scores; both are standardised.
    """
    return _to_scale(_unscaled_directions(ranking, scores, top), words)


def _unscaled_directions(ranking: Tensor, scores: Tensor, top: float) -> Tensor:
    is_left_out = scores.isneginf()
    standard = _standard(scores, is_left_out)
    if top:
        peaks = (_SHARPNESS * standard.masked_fill(is_left_out, -torch.inf)).softmax(dim=-1)
        standard = standard + top * _standard(peaks, is_left_out)
    return standard @ ranking.mT


def _standard(scores: Tensor, is_left_out: Tensor) -> Tensor:
    """Scores with mean 0 and deviation 1 over the last dimension; what is left out has 0."""
    if not is_left_out.any():
        return (scores - scores.mean(dim=-1, keepdim=True)) / scores.std(dim=-1, keepdim=True).clamp(min=1e-6)
    counted = ~is_left_out
    n = counted.sum(dim=-1, keepdim=True)
    spread = torch.where(counted, scores, 0.0)
    spread = torch.where(counted, spread - spread.sum(dim=-1, keepdim=True) / n, 0.0)
    return spread / (spread.pow(2).sum(dim=-1, keepdim=True) / (n - 1)).sqrt().clamp(min=1e-6)


def _to_scale(vectors: Tensor, like: Tensor) -> Tensor:
    """Vectors (…, n, dim) stretched, group by group, to the root mean square of the entries of others."""

    def size(values: Tensor) -> Tensor:
        return values.pow(2).mean(dim=(-2, -1), keepdim=True).sqrt()

    return vectors * (size(like) / size(vectors).clamp(min=1e-12))
