"""The base LLM: any causal language model that transformers can load, by hub name and revision or by path."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from recexplainer.errors import InputError
from recexplainer.settings import Llm


def load_base(llm: Llm) -> tuple[Any, Any]:
    """The base LLM and its tokenizer: safetensors only, no remote code, strict.

    Weights are held in fp32 on a CPU and in bf16 on a GPU that has it.

    Raises:
        InputError: If the model cannot be loaded, or is no causal language model.
    """
    is_local = Path(llm.base).exists()
    if not is_local and (llm.base.startswith((".", "/")) or llm.base.count("/") > 1):
        raise InputError(f"llm.base: {llm.base} is no folder; give a model folder or a hub name such as org/model")
    options: dict[str, Any] = {"revision": llm.revision} if llm.revision and not is_local else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(llm.base, **options)
        model = AutoModelForCausalLM.from_pretrained(
            llm.base, dtype=_dtype(), use_safetensors=True, trust_remote_code=False, attn_implementation="sdpa", **options
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"llm.base: {llm.base} cannot be loaded as a causal language model: {reason}") from error
    if llm.chat_template:
        path = Path(llm.chat_template)
        if not path.is_file():
            raise InputError(f"llm.chat_template: {path} is no file; give a Jinja template, or null")
        tokenizer.chat_template = path.read_text(encoding="utf-8")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = tokenizer.eos_token_id
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    return model.eval(), tokenizer


def base_reference(llm: Llm, model: Any) -> dict[str, str | None]:
    """What pins a base model: name, revision (the hub's commit where there is one), and for a folder the hash of its files."""
    folder = Path(llm.base)
    commit = getattr(model.config, "_commit_hash", None)
    return {
        "name": llm.base,
        "revision": commit or llm.revision,
        "sha256": hash_files(folder) if folder.is_dir() else None,
    }


def check_reference(reference: dict[str, str | None]) -> None:
    """Refuse a local base model that is not the one an explainer was aligned on.

    Raises:
        InputError: If the folder is gone or its files differ.
    """
    if reference["sha256"] is None:
        return
    folder = Path(str(reference["name"]))
    if not folder.is_dir():
        raise InputError(f"the explainer's base model {folder} is not there: restore it, or align again")
    if hash_files(folder) != reference["sha256"]:
        raise InputError(f"the base model {folder} is not the one that the explainer was aligned on: align again")


def hash_files(folder: Path) -> str:
    """SHA-256 over the names and bytes of the files of a model folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".jinja", ".model", ".txt"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else torch.float32
