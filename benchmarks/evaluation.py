"""Retrieving titles: the project's beam search beside transformers' own, same prompts, same model, one run.

python benchmarks/evaluation.py [--mode intention] [--prompts 128] [--threads 1] [--batch-size 32]

The demo LLM, before any training, is asked for the next item of test users of the demo's world, with five beams. In
mode `behaviour` its prompts have some 120 tokens, in `intention` 30.

- public: `generate` as the paper's public code calls it: two prompts at once, padded to the context less the answer,
  up to 150 new tokens, sums divided by the length. It is slow: the first prompts alone are asked.
- pairs: the same without its padding, with our limit of tokens and sums as they are.
- hook: `generate` with `prefix_allowed_tokens_fn` over a prefix tree of the titles, as many prompts at once as ours.
- free, titles: ours without a constraint, and over the titles; each is measured by itself.

All but the first look for the answers of the largest sum of token log-probabilities. transformers drops an answer that
ends at a step where five other continuations are likelier; ours count it. So `pairs` and `hook` are also
run with that rule taken out (`all ends`), and then their answers have to be ours. Time is that of the processor, which
other work on the machine does not stretch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_world import DEMO_LLM, ROOT, write_world
from padded_training import pad
from torch import Tensor

from recexplainer import store
from recexplainer.core.settings import Settings, load_settings
from recexplainer.data.splits import TEST
from recexplainer.llm.beams import Beam, Space, beam_search
from recexplainer.llm.decoding import end_id
from recexplainer.llm.explainer import Explainer, new_explainer
from recexplainer.llm.reading import batches
from recexplainer.llm.title_trie import Trie
from recexplainer.prompting.chat import Encoded
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.recommenders.base import load_recommender
from recexplainer.tasks import next_item_retrieval
from recexplainer.tasks.rendering import fit

N_BEAMS = 5
Answers = list[list[Beam]]
TOLERANCE = 1e-4  # of a sum of log-probabilities
PUBLIC_CONTEXT, PUBLIC_NEW_TOKENS = 1024, 150  # in the public code's script
N_PUBLIC = 8  # prompts


def ask(
    folder: Path, settings: Settings, mode: str, n_prompts: int
) -> tuple[Explainer, list[Encoded], Tensor, list[list[int]]]:
    """The demo LLM, prompts about test users, the users' vectors, and the titles as tokens."""
    write_world(folder, settings)
    catalogue = store.read_catalogue(folder / "catalogue.parquet")
    writer = PromptWriter(catalogue, settings.align.n_categories)
    data = store.read_alignment(folder / "alignment")
    user_vectors = data.user_vectors
    recommender, llm = load_recommender(folder / "recommender"), replace(settings.llm, base=DEMO_LLM)
    torch.manual_seed(1)
    explainer = new_explainer(mode, llm, settings.align, recommender, user_vectors, {}).eval()
    asked = data.of_split(TEST, next_item_retrieval.NAME)[:n_prompts]
    room = settings.evaluate_alignment.max_prompt_tokens
    prompts = [fit(explainer.encoder, writer, e, explainer.form, room, with_answer=False) for e in asked]
    return (
        explainer,
        prompts,
        user_vectors,
        [list(explainer.encoder.answer_ids(title)) for title in catalogue.titles[1:]],
    )


def allowed_tokens(titles: list[list[int]], end: int) -> Callable[[int, torch.Tensor], list[int]]:
    """The hook: what may follow the tokens so far, from a prefix tree of dicts."""
    tree: dict[int, Any] = {}
    for title in titles:
        node = tree
        for token in [*title, end]:
            node = node.setdefault(token, {})

    def allowed(_: int, tokens: torch.Tensor) -> list[int]:
        node = tree
        for token in tokens.tolist():
            node = node.get(token, {})
        return list(node) or [end]

    return allowed


@contextmanager
def all_ends_count(explainer: Explainer) -> Iterator[None]:
    """Let `generate` keep what ends among the best 2 · n_beams continuations of a step, not the best n_beams alone."""
    model = explainer.llm.get_base_model()
    update = model._update_finished_beams
    model._update_finished_beams = lambda top_num_beam_mask, **given: update(
        top_num_beam_mask=torch.ones_like(top_num_beam_mask), **given
    )
    yield
    del model._update_finished_beams


def left_padded(explainer: Explainer, prompts: list[Encoded], user_vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (batch, length, hidden) and mask (batch, length) of prompts that end together."""
    mask = pad(prompts, None)["attention_mask"].flip(1)
    tables = [torch.full(mask.shape, fill) for fill in (explainer.encoder.slot_id, -1, -1)]
    for table, name in zip(tables, ("input_ids", "user_slots", "item_slots"), strict=True):
        table[mask.bool()] = torch.from_numpy(np.concatenate([getattr(prompt, name) for prompt in prompts])).long()
    return explainer.embed(tables[0], tables[1], tables[2], user_vectors), mask


@torch.inference_mode()
def transformers_beams(
    explainer: Explainer,
    prompts: list[Encoded],
    user_vectors: Tensor,
    batch_size: int,
    max_new_tokens: int,
    hook: Any = None,
) -> Answers:
    """`generate` with five beams; answers that end, best first."""
    end = end_id(explainer)
    found: Answers = [[] for _ in prompts]
    for rows in batches(prompts, batch_size):
        embeddings, mask = left_padded(explainer, [prompts[row] for row in rows], user_vectors)
        output = explainer.llm.generate(
            inputs_embeds=embeddings, attention_mask=mask, max_new_tokens=max_new_tokens, num_beams=N_BEAMS,
            num_return_sequences=N_BEAMS, do_sample=False, length_penalty=0.0, early_stopping="never",
            eos_token_id=end, pad_token_id=explainer.encoder.tokenizer.pad_token_id, prefix_allowed_tokens_fn=hook,
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        for place, (tokens, score) in enumerate(
            zip(output.sequences.tolist(), output.sequences_scores.tolist(), strict=True)
        ):
            if end in tokens and np.isfinite(score):
                found[rows[place // N_BEAMS]].append(Beam(tokens[: tokens.index(end)], score))
    return found


@torch.inference_mode()
def public_beams(explainer: Explainer, prompts: list[Encoded], user_vectors: Tensor) -> None:
    """`generate` as the paper's public code calls it."""
    for start in range(0, len(prompts), 2):
        embeddings, mask = left_padded(explainer, prompts[start : start + 2], user_vectors)
        padding = PUBLIC_CONTEXT - PUBLIC_NEW_TOKENS - mask.shape[1]
        explainer.llm.generate(
            inputs_embeds=torch.nn.functional.pad(embeddings, (0, 0, padding, 0)),
            attention_mask=torch.nn.functional.pad(mask, (padding, 0)), max_new_tokens=PUBLIC_NEW_TOKENS,
            num_beams=N_BEAMS, num_return_sequences=N_BEAMS, do_sample=False, eos_token_id=end_id(explainer),
            pad_token_id=explainer.encoder.tokenizer.pad_token_id,
        )  # fmt: skip


def timed(search: Callable[[], Any], n_prompts: int) -> tuple[Any, float]:
    """The answers, and how many prompts are answered in a second of the processor."""
    started = time.process_time()
    return search(), n_prompts / (time.process_time() - started)


def agreement(ours: Answers, theirs: Answers) -> str:
    """How many prompts have the same answers in the same order, and who has the better ones where they differ."""
    same = [[b.tokens for b in a] == [b.tokens for b in c] for a, c in zip(ours, theirs, strict=True)]
    apart = max(
        (
            abs(a.log_probability - b.log_probability)
            for mine, yours, equal in zip(ours, theirs, same, strict=True)
            if equal
            for a, b in zip(mine, yours, strict=True)
        ),
        default=0.0,
    )
    worse = 0
    for mine, yours in zip(ours, theirs, strict=True):
        sums = [sorted((b.log_probability for b in beams), reverse=True) for beams in (mine, yours)]
        worse += len(sums[0]) < len(sums[1]) or any(b > a + TOLERANCE for a, b in zip(*sums, strict=False))
    return f"the same answers for {sum(same)} of {len(same)} prompts (sums within {apart:.0e}), ours worse for {worse}"


def main() -> None:
    """Search all ways and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="behaviour", choices=("behaviour", "intention"))
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32, help="of ours and of the hook")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = load_settings(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        explainer, prompts, users, titles = ask(Path(folder), settings, options.mode, options.prompts)
    end = end_id(explainer)
    trie = Trie(titles, end)
    limit, size = settings.evaluate_alignment.max_title_tokens, options.batch_size
    hook = allowed_tokens(titles, end)

    def ours(space: Space) -> Callable[[], Answers]:
        return lambda: beam_search(explainer, prompts, N_BEAMS, [space], size, users)[0]

    searches: dict[str, Callable[[], Answers]] = {
        "titles": ours(Space(trie.depth, trie)),
        "free": ours(Space(limit)),
        "hook": lambda: transformers_beams(explainer, prompts, users, size, trie.depth, hook),
        "pairs": lambda: transformers_beams(explainer, prompts, users, 2, limit),
    }
    beam_search(explainer, prompts[:2], N_BEAMS, [Space(2, trie)], 2, users)  # the first calls are slow
    answers, rates = {}, {}
    for name, search in searches.items():
        answers[name], rates[name] = timed(search, len(prompts))
    few = prompts[:N_PUBLIC]
    rates["public"] = timed(lambda: public_beams(explainer, few, users), len(few))[1]
    for name, rate in rates.items():
        print(f"{name:8}{rate:8.2f} prompts/s   titles over it: {rates['titles'] / rate:6.1f} x", flush=True)
    for mine, yours in (("titles", "hook"), ("free", "pairs")):
        print(f"{mine} and {yours}: {agreement(answers[mine], answers[yours])}")
        with all_ends_count(explainer):
            everything = searches[yours]()
        print(f"{mine} and {yours}, all ends: {agreement(answers[mine], everything)}")


if __name__ == "__main__":
    main()
