"""The base LLM: any causal language model that transformers can load, by hub name and revision or by path."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GenerationConfig, PreTrainedConfig
from transformers.distributed import DistributedConfig
from transformers.utils import CONFIG_NAME, cached_file

from recexplainer import store
from recexplainer.core.contents import dvc_md5
from recexplainer.core.environment import llm_is_sharded, n_processes
from recexplainer.core.errors import InputError, reason_of
from recexplainer.core.settings import Llm
from recexplainer.llm.packing import attention_mask
from recexplainer.prompting.frames import pinned

WEIGHTS = "model*.safetensors"


def chosen_base(llm: Llm) -> Llm:
    """The base LLM that the stages take: the embedded one as `adapt_llm` adapted it, any other as it is named.

    Raises:
        InputError: If it was adapted to another catalogue than the prepared one.
    """
    if not store.is_embedded(llm.base) or not store.ADAPTATION.is_file():
        return llm
    adaptation = store.read_json(store.ADAPTATION)
    if not adaptation["adapted"]:
        return llm
    if not store.CATALOGUE.is_file() or adaptation["catalogue"] != dvc_md5(store.CATALOGUE):
        raise InputError(f"{store.ADAPTED_LLM} was adapted to another catalogue than {store.CATALOGUE}: run adapt_llm")
    return replace(llm, base=store.ADAPTED_LLM.as_posix(), revision=None)


def load_base(
    llm: Llm, dtype: torch.dtype | None = None, attention: str = "sdpa", four_bit: bool = False
) -> tuple[Any, Any]:
    """The base LLM and its tokenizer: safetensors only, no remote code, strict.

    Where the LLM is sharded, each process reads and holds its part of every layer (FSDP2).

    Args:
        llm: Which model.
        dtype: Of the weights; None holds them in fp32 on a CPU and in bf16 on a GPU that has it.
        attention: The implementation; `sdpa` is eager attention where a model has no SDPA.
        four_bit: Hold the weights of the linear layers in 4 bits (NF4, of bitsandbytes).

    Raises:
        InputError: If the model cannot be loaded, or is not a causal language model, or its chat template does not read
            the parameters that are given, or this machine cannot run the chosen attention or hold 4 bits.
    """
    _check_machine(attention, four_bit)
    is_local = Path(llm.base).is_dir()
    if not is_local and (llm.base.startswith((".", "/")) or llm.base.count("/") > 1 or Path(llm.base).exists()):
        raise InputError(f"llm.base: {llm.base} is not a folder; give a model folder or a hub name such as org/model")
    options: dict[str, Any] = {"revision": llm.revision} if llm.revision and not is_local else {}
    chosen: dict[str, Any] = {} if attention == "sdpa" else {"attn_implementation": attention}
    if four_bit:
        chosen |= {"quantization_config": _four_bits(), "device_map": {"": torch.cuda.current_device()}}
    if llm_is_sharded():
        chosen |= {"distributed_config": DistributedConfig(fsdp_size=n_processes())}
    try:
        tokenizer = AutoTokenizer.from_pretrained(llm.base, **options)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            llm.base,
            dtype=dtype or _dtype(),
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **chosen,
            **options,
        )
    except torch.OutOfMemoryError:
        raise  # of a whole model
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, SafetensorError) as error:
        place = "" if is_local else " (there is no such folder, so it was read as a hub name)"
        raise InputError(
            f"llm.base: {llm.base} cannot be loaded as a causal language model{place}: {reason_of(error)}"
        ) from error
    model: Any = loaded[0]
    missing = sorted(loaded[1]["missing_keys"])
    if missing:
        raise InputError(
            f"llm.base: {llm.base} lacks weights of a causal language model, such as "
            f"{missing[0]}; is it another kind of model?"
        )
    if llm.chat_template:
        path = Path(llm.chat_template)
        if not path.is_file():
            raise InputError(f"llm.chat_template: {path} is not a file; give a Jinja template, or null")
        tokenizer.chat_template = store.read_text(path)
    _pin_template(tokenizer, llm)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = tokenizer.eos_token_id
    model.generation_config = GenerationConfig()  # answers are greedy: no sampling or penalties that came with it
    if llm_is_sharded():
        _begin_sharded(model)
    elif not four_bit:  # it was loaded onto the GPU, and stays there
        model.to("cuda" if torch.cuda.is_available() else "cpu")
    model.eval()
    if attention != "flex_attention":  # which takes no dense mask
        _check_attention(model, llm.base)
    return model, tokenizer


@torch.no_grad()
def _begin_sharded(model: Any) -> None:
    """Freeze a sharded LLM, and pass a token through it: FSDP gathers weights from then on as they are now, frozen, and
    the first module that is called, which must not be the embedding, becomes the root of the others.
    """
    model.requires_grad_(False)
    model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device))


def _pin_template(tokenizer: Any, llm: Llm) -> None:
    """Give a tokenizer one chat template, which writes the same on every day and needs no parameters."""
    if tokenizer.chat_template is not None:  # of several, the one for plain conversations
        tokenizer.chat_template = pinned(tokenizer.get_chat_template(), llm.chat_template_kwargs)
    elif llm.chat_template_kwargs:
        raise InputError(
            f"llm.chat_template_kwargs: {llm.base} has no chat template that reads them: set llm.chat_template"
        )


@torch.no_grad()
def token_embeddings(model: Any) -> Tensor:
    """(vocabulary, hidden) the token embeddings as the first layer sees them; some models scale what they store."""
    layer = model.get_input_embeddings()
    return layer(torch.arange(layer.weight.shape[0], device=layer.weight.device)).float()


def context_tokens(config: PreTrainedConfig) -> int | None:
    """How many tokens a base model can read and write in one go; None where it does not say."""
    stated = getattr(config.get_text_config(), "max_position_embeddings", None)
    return stated if stated and stated > 0 else None


def base_reference(llm: Llm) -> dict[str, str | None]:
    """What pins a base model that was loaded: of a folder the hash of its files; of a model of the hub its commit, and
    the hash of its weights, which a copy elsewhere has too.
    """
    if Path(llm.base).is_dir():
        return {"name": llm.base, "revision": llm.revision, "sha256": hash_files(Path(llm.base))}
    config = cached_file(llm.base, CONFIG_NAME, revision=llm.revision, local_files_only=True)
    snapshot = Path(str(config)).parent  # the hub's cache names it by the commit
    return {
        "name": llm.base,
        "revision": snapshot.name,
        "sha256": None,
        "weights_sha256": hash_files(snapshot, WEIGHTS),
    }


def check_reference(reference: dict[str, str | None]) -> None:
    """Refuse a local base model that is not the one an explainer was aligned on.

    Raises:
        InputError: If the folder is gone or its files differ; or if it is to stand for a model of the hub and its
            weights differ, or the explainer does not say which they were.
    """
    folder = Path(str(reference["name"]))
    if reference["sha256"] is None:
        if folder.is_dir() and hash_files(folder, WEIGHTS) != reference.get("weights_sha256"):
            raise InputError(
                f"the base model {folder} does not hold the weights that the explainer was aligned on: unset "
                "RECEXPLAINER_BASE to take them from the hub, or align again"
            )
        return
    if not folder.is_dir():
        raise InputError(
            f"the explainer's base model {folder} is missing: run this in the project's root, or set "
            "RECEXPLAINER_BASE to its folder"
        )
    if hash_files(folder) != reference["sha256"]:
        raise InputError(f"the base model {folder} has changed since the explainer was aligned: align again")


def hash_files(folder: Path, pattern: str = "*") -> str:
    """SHA-256 over the names and bytes of the files of a model folder, or of some of them."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".jinja", ".model", ".txt"}:
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                while block := file.read(2**24):
                    digest.update(block)
    return digest.hexdigest()


@torch.inference_mode()
def _check_attention(model: Any, name: str) -> None:
    """Try on six tokens what training rests on: tokens see the past alone, and packed examples nothing of each other.

    Raises:
        InputError: If the model is not a decoder, or cannot be given embeddings, positions and a mask.
    """
    ids = torch.linspace(1, model.config.get_text_config().vocab_size - 1, 6, device=model.device).long()[None]
    embeddings = model.get_input_embeddings()(ids)
    packed: dict[str, Any] = {
        "attention_mask": attention_mask(torch.tensor([3, 3, 3, 6, 6, 6])).to(embeddings),
        "position_ids": torch.tensor([[0, 1, 2, 0, 1, 2]], device=model.device),
        "logits_to_keep": torch.arange(6, device=model.device),
        "use_cache": False,
    }
    try:
        alone = model(inputs_embeds=embeddings[:, 3:]).logits[0, 1].float()
        without_future = model(inputs_embeds=embeddings[:, 3:5]).logits[0, 1].float()
        in_a_row = model(inputs_embeds=embeddings, **packed).logits[0, 4].float()
    except torch.OutOfMemoryError:
        raise  # of a model that does accept them
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        message = f"llm.base: {name} does not accept embeddings, positions and a mask: {reason_of(error)}"
        raise InputError(message) from error
    tolerance = 0.1 * float(alone.std())
    if float((alone - without_future).abs().max()) > tolerance:
        raise InputError(f"llm.base: {name} attends to later tokens: it is an encoder, not a causal language model")
    if float((alone - in_a_row).abs().max()) > tolerance:
        raise InputError(f"llm.base: {name} ignores attention masks that differ between tokens")


def _check_machine(attention: str, four_bit: bool) -> None:
    if attention == "flex_attention" and not torch.cuda.is_available():
        raise InputError("align.attention: flex_attention needs a GPU in training, and this machine has none: use sdpa")
    if four_bit and llm_is_sharded():
        raise InputError("align.four_bit: weights in 4 bits cannot be sharded: set it to false, or launch with DDP")
    if four_bit and not torch.cuda.is_available():
        raise InputError("align.four_bit: needs a GPU, and this machine has none: set it to false")
    if four_bit and importlib.util.find_spec("bitsandbytes") is None:
        raise InputError("align.four_bit: needs bitsandbytes: pip install bitsandbytes, or set it to false")


def _four_bits() -> Any:
    """Source: Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", NeurIPS 2023, section 3."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=_dtype(),
    )


def _dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else torch.float32
