"""Retrieving titles: the project's constrained beam search beside transformers' own, same prompts, same model, one run.

python benchmarks/evaluation.py [--mode intention] [--prompts 128] [--threads 1] [--batch-size 32]

The demo LLM, before any training, is asked for the next item of test users of the demo's world, with five beams. In
mode `behaviour` its prompts have some 120 tokens, which all ways have to read; in `intention` some 20.

- public: `generate` without a constraint, two prompts at once, as the paper's public code runs it.
- hook: `generate` with `prefix_allowed_tokens_fn` over a prefix tree of the titles, as many prompts at once as ours.
- ours: `beam_search` over the same titles.

Ours and the hook look for the same answers: the titles of the largest sum of token log-probabilities that a beam of
five finds. Ours keep a title that ends among the ten best continuations of its step, transformers those among the first
five; where the two differ, the sums say who found the better ones. Time is that of the processor, which other work on
the machine does not stretch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demo_world import DEMO_LLM, ROOT, write_world

from recexplainer import store
from recexplainer.alignment.chat import Encoded
from recexplainer.alignment.decoding import Beam, beam_search, end_id
from recexplainer.alignment.prompts import PromptWriter, fit
from recexplainer.alignment.stepping import batches, left_padded
from recexplainer.alignment.tasks import next_item_retrieval
from recexplainer.alignment.trie import Trie
from recexplainer.explainer.model import Explainer, new_explainer
from recexplainer.recommenders.base import load_recommender
from recexplainer.settings import Settings, load_settings

N_BEAMS = 5
Answers = list[list[Beam]]
TOLERANCE = 1e-3  # of a sum of log-probabilities


def ask(
    folder: Path, settings: Settings, mode: str, n_prompts: int
) -> tuple[Explainer, list[Encoded], list[list[int]]]:
    """The demo LLM, prompts about test users, and the titles as tokens."""
    write_world(folder, settings)
    catalogue = store.read_catalogue(folder / "catalogue.parquet")
    writer = PromptWriter(catalogue, settings.align.n_categories)
    examples, user_vectors = store.read_alignment(folder / "alignment")
    recommender, llm = load_recommender(folder / "recommender"), replace(settings.llm, base=DEMO_LLM)
    torch.manual_seed(1)
    explainer = new_explainer(mode, llm, settings.align, recommender, user_vectors, {}).eval()
    explainer.user_vectors = user_vectors
    asked = [e for e in examples if e.task == next_item_retrieval.NAME and e.split == "test"][:n_prompts]
    room = settings.evaluate_alignment.max_prompt_tokens
    prompts = [fit(explainer.encoder, writer, e, explainer.form, room, with_answer=False) for e in asked]
    return explainer, prompts, [list(explainer.encoder.answer_ids(title)) for title in catalogue.titles[1:]]


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


@torch.inference_mode()
def transformers_beams(
    explainer: Explainer, prompts: list[Encoded], batch_size: int, max_new_tokens: int, hook: Any = None
) -> Answers:
    """`generate` with five beams; answers that end, best first."""
    end = end_id(explainer)
    found: Answers = [[] for _ in prompts]
    for rows in batches(prompts, batch_size):
        embeddings, mask = left_padded(explainer, [prompts[row] for row in rows])
        output = explainer.llm.generate(
            inputs_embeds=embeddings, attention_mask=mask, max_new_tokens=max_new_tokens, num_beams=N_BEAMS,
            num_return_sequences=N_BEAMS, do_sample=False, length_penalty=0.0, eos_token_id=end,
            pad_token_id=explainer.encoder.tokenizer.pad_token_id, prefix_allowed_tokens_fn=hook,
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        for place, (tokens, score) in enumerate(
            zip(output.sequences.tolist(), output.sequences_scores.tolist(), strict=True)
        ):
            if end in tokens and np.isfinite(score):
                found[rows[place // N_BEAMS]].append(Beam(tokens[: tokens.index(end)], score))
    return found


def timed(search: Callable[[], Answers]) -> tuple[Answers, float]:
    """The answers, and the seconds of the processor that they took."""
    started = time.process_time()
    return search(), time.process_time() - started


def agreement(ours: Answers, theirs: Answers) -> str:
    """How many prompts have the same titles, and who has the better ones where they differ."""
    same = sum({tuple(b.tokens) for b in a} == {tuple(b.tokens) for b in c} for a, c in zip(ours, theirs, strict=True))
    first = sum(a[:1] and c[:1] and a[0].tokens == c[0].tokens for a, c in zip(ours, theirs, strict=True))
    worse = 0
    for mine, yours in zip(ours, theirs, strict=True):
        sums = [sorted((b.log_probability for b in beams), reverse=True) for beams in (mine, yours)]
        worse += len(sums[0]) < len(sums[1]) or any(b > a + TOLERANCE for a, b in zip(*sums, strict=False))
    n = len(ours)
    return f"the same five titles for {same} of {n} prompts, the same first for {first}; ours worse for {worse}"


def main() -> None:
    """Search three times and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="behaviour", choices=("behaviour", "intention"))
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32, help="of ours and of the hook")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = load_settings(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        explainer, prompts, titles = ask(Path(folder), settings, options.mode, options.prompts)
    end = end_id(explainer)
    trie = Trie(titles, end)
    limit, size = settings.evaluate_alignment.max_title_tokens, options.batch_size
    searches: dict[str, Callable[[], Answers]] = {
        "ours": lambda: beam_search(explainer, prompts, N_BEAMS, trie.depth, size, trie),
        "hook": lambda: transformers_beams(explainer, prompts, size, trie.depth, allowed_tokens(titles, end)),
        "public": lambda: transformers_beams(explainer, prompts, 2, limit),
    }
    beam_search(explainer, prompts[:2], N_BEAMS, 2, 2, trie)  # the first calls are slow
    answers, seconds = {}, {}
    for name, search in searches.items():
        answers[name], seconds[name] = timed(search)
        print(f"{name:8}{len(prompts) / seconds[name]:8.2f} prompts/s", flush=True)
    for name in ("public", "hook"):
        print(f"ours over {name}: {seconds[name] / seconds['ours']:.1f} x")
    print(f"ours and hook: {agreement(answers['ours'], answers['hook'])}")


if __name__ == "__main__":
    main()
