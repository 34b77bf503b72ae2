"""Teach the embedded LLM the words of your own catalogue; skipped for the demo's catalogue and for other LLMs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer import store
from recexplainer.core.contents import dvc_md5
from recexplainer.core.environment import n_processes
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.stages import StageRun, Write, stage_main

if TYPE_CHECKING:
    from recexplainer.alignment.adaptation.adapt import Adapted


def run(settings: Settings, run: StageRun) -> Write:
    """Write models/llm: the adapted LLM, or a note that `llm.base` is taken as it is."""
    reason = why_not(settings)
    if reason:
        print(f"adapt_llm: nothing to do: {reason}")
        return _write_note
    return partial(_write, run, _adapt(settings, run))


def why_not(settings: Settings) -> str | None:
    """Why `llm.base` is taken as it is; None if it has to be adapted."""
    if not store.is_embedded(settings.llm.base):
        return f"llm.base {settings.llm.base} is not the embedded LLM and is aligned as is"
    if Path(settings.dataset.raw).resolve() == store.RAW_DEMO.resolve():
        return "the embedded LLM already knows the demo's catalogue"
    return "adapt_llm.steps is 0" if not settings.adapt_llm.steps else None


def _adapt(settings: Settings, run: StageRun) -> Adapted:
    from transformers import set_seed

    from recexplainer.alignment.adaptation.adapt import MIN_ITEMS, adapt
    from recexplainer.demo.domain import Domain
    from recexplainer.prompting.prompts import PromptWriter

    if n_processes() > 1:
        raise InputError("adapt_llm: needs a single process; start it without accelerate")
    catalogue = store.read_catalogue()
    if catalogue.n_items < MIN_ITEMS:
        raise InputError(
            f"{store.CATALOGUE}: {catalogue.n_items} items; the lessons of adapt_llm need at least {MIN_ITEMS} "
            "(adapt_llm.steps: 0 skips them)"
        )
    run.log_dataset(store.CATALOGUE, "catalogue", "adaptation")
    set_seed(settings.run.seed)
    return adapt(
        store.EMBEDDED_LLM,
        PromptWriter(catalogue, settings.align.n_categories),
        Domain(settings.dataset.item_noun),
        settings.adapt_llm,
        settings.run.seed,
        store.ADAPTATION_CHECKPOINTS,
        run.log_metrics,
        settings.align.slots_per_user,
    )


def _write_note() -> None:
    with store.atomic_path(store.ADAPTED_LLM) as folder:
        store.write_json(folder / store.ADAPTATION.name, {"adapted": False})


def _write(run: StageRun, adapted: Adapted) -> None:
    from recexplainer.alignment.adaptation.teaching import save

    about = {
        "adapted": True,
        "catalogue": dvc_md5(store.CATALOGUE),
        "n_new_tokens": adapted.n_new_tokens,
        "learnt": adapted.metrics,
    }
    with store.atomic_path(store.ADAPTED_LLM) as folder:
        save(adapted.model, adapted.tokenizer, folder)
        store.write_json(folder / store.ADAPTATION.name, about)
    run.log_metrics({"n_new_tokens": adapted.n_new_tokens, "learnt": adapted.metrics})
    run.log_artifact(store.ADAPTATION)
    store.remove(store.ADAPTATION_CHECKPOINTS)  # last: if the server fails, the stage resumes from its last step


def _idle(settings: Settings) -> tuple[str, ...]:
    return () if why_not(settings) is None else ("adapt_llm", "align")


main = stage_main(
    "adapt_llm",
    run,
    sections=("llm.base", "dataset.raw", "dataset.item_noun", "align.n_categories", "align.slots_per_user"),
    idle=_idle,
)
