"""Export an explainer as plain weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.llm.decoding import end_id
from recexplainer.llm.explainer import (
    CONNECTORS_FILE,
    RECOMMENDER,
    SETTINGS_FILE,
    Explainer,
    base_place,
    load_explainer,
)
from recexplainer.prompting.frames import PLAIN_TEMPLATE

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
VECTOR_PARTS = "explainer"  # a folder of its own: who reads a model folder may take all its safetensors for weights


def merge(folder: Path, out: Path, dtype: torch.dtype | None = None) -> None:
    """Write an explainer's base LLM with the adapter added to its weights, and next to it what reads vectors.

    Args:
        folder: What the stage align writes; it is only read.
        out: The folder to be made, a model folder as transformers writes it, with tokenizer and chat template.
        dtype: Of the weights; None: that of the base LLM's files. They are added up in fp32 either way.

    Raises:
        InputError: If the folder holds no explainer, cannot be merged, loses what the adapter learned when its weights
            are rounded, or `out` is there already or cannot be written.
    """
    folder, out = folder.resolve(), out.resolve()
    if out.exists():
        raise InputError(f"{out}: already exists; give the name of a new folder")
    if folder in out.parents:
        raise InputError(f"{out}: is inside the explainer's folder; give another place")
    explainer = load_explainer(folder, torch.float32)
    wanted, allowed = _probe(explainer.llm), _half_of_the_adapter(explainer.llm)
    model = merged(explainer).to(dtype or _stored_dtype(explainer))
    tokenizer = explainer.encoder.tokenizer
    tokenizer.chat_template = tokenizer.chat_template or PLAIN_TEMPLATE
    model.generation_config = GenerationConfig(eos_token_id=end_id(explainer), pad_token_id=tokenizer.pad_token_id)
    try:
        with store.atomic_path(out) as unfinished:
            model.save_pretrained(unfinished)
            tokenizer.save_pretrained(unfinished)
            del explainer, model  # the written one takes their place in memory
            _check_written(unfinished, wanted, allowed)
            _copy_vector_parts(folder, unfinished / VECTOR_PARTS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{out}: cannot be written: {error}") from error


def merged(explainer: Explainer) -> Any:
    """The explainer's LLM without its adapter, which is added to the weights; the explainer cannot be used after it.

    Raises:
        InputError: If it does not give the same logits as before.
    """
    before = _probe(explainer.llm)
    _untie(explainer.llm)
    try:
        model = explainer.llm.merge_and_unload(safe_merge=True)
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"the adapter cannot be merged: {error}") from error
    if not float((_probe(model) - before).abs().max()) <= 1e-3 * float(before.std()):
        raise InputError("the merged weights do not reproduce the adapter's logits")
    return model


def _untie(llm: Any) -> None:
    """Give an adapted output layer weights of its own, so that the adapter added to them does not change the input."""
    output = getattr(llm.get_output_embeddings(), "base_layer", None)  # of an adapted one
    if output is not None and output.weight is llm.get_input_embeddings().weight:
        output.weight = nn.Parameter(output.weight.detach().clone())
        llm.config.get_text_config().tie_word_embeddings = False


def _half_of_the_adapter(llm: Any) -> float:
    """Half of how far the adapter moves the logits; more than that, and what is written is nearer to the base."""
    with llm.disable_adapter():
        base = _probe(llm)
    adapted = _probe(llm)
    return max(0.5 * _distance(adapted, base), 1e-3 * float(adapted.std()))


def _check_written(folder: Path, wanted: Tensor, allowed: float) -> None:
    """Hold a written model, rounded as it is, against the explainer's logits.

    Raises:
        InputError: If they are further apart than `allowed`, or are not numbers.
    """
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    found = _distance(_probe(model.to(wanted.device).eval()), wanted)
    if not found <= allowed:
        raise InputError(
            f"rounded to {_name(AutoConfig.from_pretrained(folder).dtype)}, the merged weights lose what the adapter "
            f"learned: their logits differ by {found:.2g}, of which {allowed:.2g} are allowed; give --dtype float32"
        )


@torch.inference_mode()
def _probe(model: Any) -> Tensor:
    """(1, 8, vocabulary) logits of eight tokens from all over the vocabulary."""
    ids = torch.linspace(1, model.config.get_text_config().vocab_size - 1, 8, device=model.device).long()[None]
    return model(input_ids=ids, use_cache=False).logits.float()


def _distance(one: Tensor, other: Tensor) -> float:
    """Root mean square of the differences."""
    return float((one - other).pow(2).mean().sqrt())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _stored_dtype(explainer: Explainer) -> torch.dtype:
    reference: Any = explainer.reference
    config = AutoConfig.from_pretrained(base_place(reference), revision=reference["revision"])
    return config.dtype or torch.float32


def _copy_vector_parts(folder: Path, target: Path) -> None:
    """What makes slots of a recommender's vectors, as the explainer's folder holds it."""
    target.mkdir()
    for name in (SETTINGS_FILE, CONNECTORS_FILE, store.CATALOGUE.name):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
    shutil.copytree(folder / RECOMMENDER, target / RECOMMENDER)
