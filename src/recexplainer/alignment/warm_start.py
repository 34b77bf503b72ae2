"""Where connectors and output layer start: slots at words, titles of one token at the recommender's item vectors.

Source: none in the paper, whose connectors start at random. An item's slot is fitted to the mean token embedding of the
item's text. A user's slot is fitted to the direction along which the items' slots are ordered as the recommender
orders the items, so that what a user likes is what the user's slot resembles. Where a title is one token, what the
adapter adds to its logit starts as the inner product of the item's vector and what the adapter reads from the hidden
state; that starts at zero, so that reading a user's taste is all that is left to be learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor

from recexplainer.core.settings import Align
from recexplainer.llm.base_model import token_embeddings
from recexplainer.llm.connectors import ROWS_OF_A_STEP, Connector, fit_connector
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.title_trie import title_tokens
from recexplainer.prompting.prompts import PromptWriter

_SHARPNESS = 4.0  # of the softmax over standardised scores
_TITLE_SIZE = 4.0  # length of a title's row in the adapter of the output layer, on average
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
    """Fit the connectors of an explainer in place, and start its output layer at the items' vectors.

    Scores are taken to be inner products of the recommender's user and item vectors. Where they are not, users
    start somewhere else, and training has to do the rest.

    Args:
        explainer: The explainer; one without connectors is left as it is.
        writer: Writes the items' texts.
        user_vectors: (n, dim) of the training pairs.
        histories: The whole ones of the same pairs: item ids, none of which the recommender ranks.
        align: `warm_start_steps` of the fit, of which 0 leave all as it is, and `warm_start_top`, the `top` of
            `user_slots`.
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
    seen = [torch.tensor(history, dtype=torch.long, device=table.device) - 1 for history in histories]
    ranking, steps = ranking_map(words), align.warm_start_steps
    n_rows = max(1, min(ROWS_OF_A_STEP, AT_ONCE // len(items)))
    hides = align.warm_start_top > 0 or align.slots_per_user > 1  # what is about the best items

    def of_items(vectors: Tensor, rows: Tensor) -> Tensor:
        return words[rows]

    def of_users(vectors: Tensor, rows: Tensor) -> Tensor:
        scores = vectors @ items.T
        for place, row in enumerate(rows.tolist() if hides else []):
            scores[place, seen[row]] = -torch.inf
        return user_slots(ranking, scores, words, align.warm_start_top, align.slots_per_user).flatten(1)

    start_titles(explainer, writer.catalogue.titles[1:], items)
    of_item, of_user = explainer.connectors["item"], explainer.connectors["user"]
    assert isinstance(of_item, Connector) and isinstance(of_user, Connector)
    return {
        "warm_start_item": round(fit_connector(of_item, items, of_items, steps, seed), 4),
        "warm_start_user": round(fit_connector(of_user, users, of_users, steps, seed, n_rows, mixed=True), 4),
    }


@torch.no_grad()
def start_titles(explainer: Explainer, titles: Sequence[str], items: Tensor) -> None:
    """Let the adapter of the output layer start with the vectors of the items whose titles are one token.

    LoRA adds B A h to the logits of a hidden state h. In as many ranks as the vectors have dimensions, a title's row
    of B becomes the item's vector, and A becomes zero: nothing is added at first. Of vectors with more dimensions than
    ranks, the principal components count. An LLM is left as it is where its output layer has no adapter, or fewer than
    half of the titles are one token: the other tokens would learn later, as A starts at zero.

    Args:
        explainer: Whose adapter is not trained yet.
        titles: Of the items, from item 1.
        items: (n_items, dim) their vectors.

    Raises:
        InputError: If the tokenizer cannot tell the titles apart, as `title_tokens` says.
    """
    layer = explainer.llm.get_output_embeddings()
    has_adapter = isinstance(layer, LoraLayer)
    tokens = title_tokens(explainer.encoder, titles) if has_adapter else []
    whole = [number for number, ids in enumerate(tokens) if len(ids) == 1]
    if not has_adapter or 2 * len(whole) < len(titles):
        return
    name = explainer.llm.active_adapter
    reads, writes = layer.lora_A[name].weight, layer.lora_B[name].weight
    spread = items.float() - items.float().mean(dim=0)
    rows = spread @ torch.linalg.svd(spread, full_matrices=False).Vh[: len(reads)].T
    rows *= _TITLE_SIZE / rows.pow(2).sum(dim=-1).mean().sqrt().clamp(min=1e-12)
    reads[: rows.shape[1]] = 0
    writes[[tokens[number][0] for number in whole], : rows.shape[1]] = rows[whole].to(writes.dtype)


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
    spread = means.sub_(centre)
    size = spread.pow(2).mean(dim=(-2, -1), keepdim=True).sqrt().clamp(min=1e-12)
    return spread.mul_(table.pow(2).mean().sqrt() / size).add_(centre)


def _mean_embeddings(table: Tensor, token_ids: Tensor) -> Tensor:
    """(…, n_items, hidden) the mean token embedding of each text."""
    present = (token_ids >= 0).to(table.dtype)
    return (table[token_ids.clamp(min=0)] * present[..., None]).sum(dim=-2) / present.sum(dim=-1, keepdim=True)


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
def user_slots(ranking: Tensor, scores: Tensor, words: Tensor, top: float = 0.0, n: int = 1) -> Tensor:
    """(…, n, hidden) what users' slots start at, at the scale of the items'.

    The first holds the direction along which the items are ordered as the user's scores order them. It has fewer
    dimensions than a large catalogue has items, so it cannot follow all scores, and of an item far above the others it
    says little; `top` makes such items count more. The further slots hold the words of the best items alone.

    Args:
        ranking: (…, hidden, n_items) as `ranking_map` gives it.
        scores: (…, n_items) the recommender's scores, on any scale; −inf for what shall not count.
        words: (…, n_items, hidden) the items' slots.
        top: The weight of the scores' softmax in the direction, against 1 of the scores; both are standardised.
        n: How many slots a user has.
    """
    is_left_out = scores.isneginf()
    standard = _standard(scores, is_left_out)
    best = standard.masked_fill(is_left_out, -torch.inf)
    direction = standard
    if top:
        direction = standard + top * _standard((_SHARPNESS * best).softmax(dim=-1), is_left_out)
    direction = _to_scale(_times(direction, ranking.mT), words)
    further = [_times((sharpness * best).softmax(dim=-1), words) for sharpness in _of_further(n)]
    return torch.stack([direction, *further], dim=-2)


def _of_further(n: int) -> list[float]:
    """The sharpness of a user's slots behind the first: the second is about the best item, the next about more."""
    return [2 * _SHARPNESS / 2**place for place in range(n - 1)]


def _times(weights: Tensor, table: Tensor) -> Tensor:
    """(…, n_items) times (…, n_items, hidden) → (…, hidden)."""
    return (weights[..., None, :] @ table)[..., 0, :]


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
    """Vectors (…, hidden), each stretched to the root mean square of the entries of a table (…, n, hidden)."""
    size = like.pow(2).mean(dim=(-2, -1)).sqrt()[..., None]
    return vectors * (size / vectors.pow(2).mean(dim=-1, keepdim=True).sqrt().clamp(min=1e-12))
