"""What an LLM says of one prompt and its answer, in one pass without a cache; users are those of `tiny`."""

from __future__ import annotations

import torch

from recexplainer.explaining.prompts import appended
from recexplainer.llm.explainer import Explainer
from recexplainer.prompting.chat import Encoded
from tests import tiny


def tables(prompt: Encoded, answer: list[int]) -> list[torch.Tensor]:
    """Ids and slots of a prompt and the answer so far, as a batch of one."""
    whole = appended(prompt, answer)
    return [torch.from_numpy(t[None]).long() for t in (whole.input_ids, whole.user_slots, whole.item_slots)]


@torch.no_grad()
def logits(explainer: Explainer, prompt: Encoded, answer: list[int]) -> torch.Tensor:
    """(1 + n_tokens, vocabulary) of what follows the prompt, and each token of the answer."""
    embeddings = explainer.embed(*tables(prompt, answer), tiny.some_user_vectors())
    return explainer.llm(inputs_embeds=embeddings).logits[0, len(prompt) - 1 :].float()


def log_probabilities(explainer: Explainer, prompt: Encoded, answer: list[int]) -> torch.Tensor:
    """The log-probability of each token of an answer."""
    return logits(explainer, prompt, answer)[:-1].log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]


def greedy(explainer: Explainer, prompt: Encoded, n_tokens: int) -> list[int]:
    """The most probable token after each other, without the end."""
    answer: list[int] = []
    while len(answer) < n_tokens:
        answer.append(int(logits(explainer, prompt, answer)[-1].argmax()))
        if answer[-1] == explainer.encoder.end_ids[0]:
            return answer[:-1]
    return answer
