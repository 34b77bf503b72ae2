"""The explainer: a base LLM with an adapter, and connectors that let it read the recommender's vectors."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.pytorch_utils import Conv1D

from recexplainer import store
from recexplainer.core.environment import is_main_process, llm_is_sharded
from recexplainer.core.errors import InputError, reason_of
from recexplainer.core.settings import Align, Llm
from recexplainer.llm.base_model import base_reference, check_reference, context_tokens, load_base, token_embeddings
from recexplainer.llm.connectors import Connector
from recexplainer.llm.packing import row_masks
from recexplainer.prompting import wording
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.prompting.prompts import Form, form_of
from recexplainer.recommenders.base import Recommender, load_recommender
from recexplainer.store.tensors import check_tensors

SETTINGS_FILE, CONNECTORS_FILE = "explainer.json", "connectors.safetensors"
BASE_VARIABLE = "RECEXPLAINER_BASE"
ADAPTER, RECOMMENDER, TEMPLATE_FILE = "adapter", "recommender", "chat_template.jinja"


class Explainer(nn.Module):
    """An LLM whose prompts may hold slots for the recommender's vectors.

    Once it is loaded or trained it does not change: the users' vectors of a call are an argument of the call.

    Attributes:
        mode: `behaviour`, `intention`, `both`, or `none` for the unaligned base.
        llm: The causal LM, with its adapter once aligned.
        encoder: Turns messages into token ids.
        recommender: The frozen recommender that is explained; None for `none`.
        settings: What prompts need to know (`n_categories`, `max_history`), saved with the model.
        verdict_ids: The first tokens of Yes and of No.

    Raises:
        InputError: If the tokenizer cannot hold a conversation, or gives Yes and No the same first token.
    """

    def __init__(
        self,
        mode: str,
        llm: Any,
        tokenizer: Any,
        recommender: Recommender | None,
        settings: dict[str, Any],
        connectors: nn.ModuleDict | None = None,
        reference: dict[str, str | None] | None = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.llm = llm
        self.encoder = ChatEncoder(tokenizer, settings.get("slots_per_user", 1))  # none in older models
        self._tell_differences()
        self.verdict_ids = _verdict_ids(self.encoder)
        self.connectors = connectors
        self.settings = settings
        self.reference = reference
        self._frozen = (recommender,)  # in a tuple: no part of the module tree, so that nothing casts or trains it
        self.item_vectors = recommender.item_vectors() if connectors is not None and recommender else None

    def _tell_differences(self) -> None:
        difference = self.encoder.difference() if self.encoder.tokenizer.chat_template else None
        if difference and is_main_process():
            print(f"llm: in training and generation, conversations are tokenized as {difference}", file=sys.stderr)

    @property
    def recommender(self) -> Recommender | None:
        """The frozen recommender."""
        return self._frozen[0]

    @property
    def form(self) -> Form:
        """The form in which this explainer reads prompts; the unaligned base reads text."""
        return form_of(self.mode)

    @property
    def device(self) -> torch.device:
        """Where the LLM is."""
        return next(self.llm.parameters()).device

    def prompt_budget(self, max_tokens: int, n_new: int = 0) -> int:
        """How long a prompt may be: `max_tokens`, or less where the LLM's context has to hold `n_new` more tokens."""
        context = context_tokens(self.llm.config)
        return max_tokens if context is None else min(max_tokens, context - n_new)

    def after(self, turns: Sequence[tuple[str, str]]) -> Explainer:
        """This explainer in the midst of a conversation: its prompts follow these (question, answer) turns."""
        other = copy.copy(self)
        other.encoder = self.encoder.after(turns)
        return other

    def embed(
        self, input_ids: Tensor, user_slots: Tensor, item_slots: Tensor, user_vectors: Tensor | None = None
    ) -> Tensor:
        """Token embeddings (batch, length, hidden) with a connected vector at every slot.

        Args:
            input_ids: (batch, length).
            user_slots: (batch, length) rows of `user_vectors`, times the slots of a user, and a slot's number; −1 where
                there is no slot.
            item_slots: (batch, length) item ids, −1 where there is no slot.
            user_vectors: (n, dim) of the recommender; None where there are no user slots.
        """
        embeddings = self.llm.get_input_embeddings()(input_ids)
        if self.connectors is None:
            return embeddings
        for name, slots, table in (
            ("user", user_slots, user_vectors),
            ("item", item_slots, self.item_vectors),
        ):
            places = slots >= 0
            if bool(places.any()):
                assert table is not None, f"there are {name} slots but no {name} vectors"
                n_parts = self.encoder.slots_per_user if name == "user" else 1
                rows, parts = slots[places].div(n_parts, rounding_mode="floor"), slots[places] % n_parts
                vectors = table[rows.to(table.device)].to(embeddings.device)
                connected = self.connectors[name](vectors).unflatten(-1, (n_parts, -1))
                connected = connected[torch.arange(len(parts)), parts].to(embeddings.dtype)
                embeddings = embeddings.masked_scatter(places[..., None], connected)
            elif self.training and llm_is_sharded():  # a gradient of nothing, as all processes exchange gradients
                nothing = 0 * self.connectors[name](self.connectors[name].mean).sum()
                embeddings = embeddings + nothing.to(embeddings.dtype)
        return embeddings

    def forward(
        self,
        input_ids: Tensor,
        user_slots: Tensor,
        item_slots: Tensor,
        places: Tensor,
        position_ids: Tensor | None = None,
        seen_until: Tensor | None = None,
        user_vectors: Tensor | None = None,
    ) -> Tensor:
        """Logits (batch, n_places, vocabulary) at some places of every row, in fp32.

        A packed row comes with the `position_ids` and `seen_until` of `packing.collate`.
        """
        embeddings = self.embed(input_ids, user_slots, item_slots, user_vectors)
        inputs: dict[str, Any] = {}
        if position_ids is not None and seen_until is not None:
            masks = row_masks(self.llm.config, seen_until, position_ids, embeddings.dtype)
            inputs = {"position_ids": position_ids, "attention_mask": masks}
        return self.llm(inputs_embeds=embeddings, logits_to_keep=places, use_cache=False, **inputs).logits.float()

    def save(self, folder: Path) -> None:
        """Write adapter, connectors, recommender and settings; of the base model only a reference."""
        folder.mkdir(parents=True, exist_ok=True)
        self.llm.save_pretrained(folder / ADAPTER, state_dict=_adapter_state(self.llm), save_embedding_layers=False)
        (folder / ADAPTER / "README.md").unlink(missing_ok=True)  # a model card without content
        _sort_lists(folder / ADAPTER / "adapter_config.json")
        if self.connectors is not None:
            save_file({k: v.contiguous() for k, v in self.connectors.state_dict().items()}, folder / CONNECTORS_FILE)
        assert self.recommender is not None
        self.recommender.save(folder / RECOMMENDER)
        if self.encoder.tokenizer.chat_template:  # as it was pinned; where it came from may change or be gone later
            (folder / TEMPLATE_FILE).write_text(self.encoder.tokenizer.chat_template, encoding="utf-8")
        store.write_json(folder / SETTINGS_FILE, {"mode": self.mode, "base": self.reference, **self.settings})


def new_explainer(
    mode: str, llm: Llm, align: Align, recommender: Recommender, user_vectors: Tensor, settings: dict[str, Any]
) -> Explainer:
    """A base LLM with a fresh adapter and, unless the mode is `behaviour`, fresh connectors.

    Raises:
        InputError: If the mode needs vectors that the recommender does not give, or the LLM lacks the layers that
            `align.lora.targets` names.
    """
    if mode != "behaviour" and not recommender.has_vectors:
        raise InputError(
            f"mode {mode} needs vectors, but the recommender {recommender.kind} only gives scores: use behaviour"
        )
    model, tokenizer = load_base(llm, attention=align.attention, four_bit=align.four_bit)
    reference = base_reference(llm)
    return adapted_explainer(mode, model, tokenizer, reference, align, recommender, user_vectors, settings)


def adapted_explainer(
    mode: str,
    model: Any,
    tokenizer: Any,
    reference: dict[str, str | None] | None,
    align: Align,
    recommender: Recommender,
    user_vectors: Tensor,
    settings: dict[str, Any],
) -> Explainer:
    """`new_explainer` around a base LLM that is in memory already.

    Raises:
        InputError: If the LLM lacks the layers that `align.lora.targets` names.
    """
    connectors = None
    if mode != "behaviour":
        embeddings = token_embeddings(model)
        width, scale = embeddings.shape[1], float(embeddings.pow(2).mean().sqrt())
        hidden = align.connector_hidden_size
        connectors = nn.ModuleDict(
            {
                "user": Connector(user_vectors, hidden, width * align.slots_per_user, scale),
                "item": Connector(recommender.item_vectors()[1:], hidden, width, scale),
            }
        ).to(model.device)
    model = _adapted(model, align)
    if align.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if align.compile:
        for layer in model.modules():
            if isinstance(layer, GradientCheckpointingLayer):  # a layer of the decoder; alike, they are compiled once
                layer.compile(dynamic=False)
    settings = {
        **settings,
        "connector_hidden_size": align.connector_hidden_size,
        "slots_per_user": align.slots_per_user,
    }
    return Explainer(mode, model, tokenizer, recommender, settings, connectors, reference)


def load_explainer(folder: Path, dtype: torch.dtype | None = None, base: str | None = None) -> Explainer:
    """The explainer that `save` wrote.

    Args:
        folder: Where it is.
        dtype: Of the LLM's weights, see `load_base`.
        base: Where the base LLM is now. None: where RECEXPLAINER_BASE says, or else where it was during alignment.

    Raises:
        InputError: If files are missing or do not fit, or the base model is not the one it was aligned on.
    """
    settings = store.read_json(folder / SETTINGS_FILE)
    try:
        return _load(folder, settings, dtype, base)
    except torch.OutOfMemoryError:
        raise  # of a whole explainer
    except (KeyError, TypeError, OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: is not what the stage align writes ({reason_of(error)}); align again") from error


def base_place(reference: dict[str, Any]) -> str:
    """Where the base LLM of a reference is: where RECEXPLAINER_BASE says, or else where it was during alignment."""
    return os.environ.get(BASE_VARIABLE) or str(reference["name"])


def saved_context(folder: Path) -> int | None:
    """How many tokens the base LLM of a saved explainer can read and write; None where nothing here says."""
    reference = store.read_json(folder / SETTINGS_FILE)["base"]
    place = base_place(reference)
    try:
        return context_tokens(AutoConfig.from_pretrained(place, revision=reference["revision"], local_files_only=True))
    except (OSError, ValueError):  # the LLM is on other machines
        return None


def _load(folder: Path, settings: dict[str, Any], dtype: torch.dtype | None, base: str | None) -> Explainer:
    mode, reference = settings.pop("mode"), settings.pop("base")
    place = base or base_place(reference)
    check_reference({**reference, "name": place})
    template = folder / TEMPLATE_FILE
    chosen = Llm(place, reference["revision"], str(template) if template.is_file() else None, {})
    model, tokenizer = load_base(chosen, dtype)
    if tokenizer.chat_template and not chosen.chat_template:
        raise FileNotFoundError(f"{TEMPLATE_FILE} is missing")
    recommender = load_recommender(folder / RECOMMENDER)
    connectors = None
    if mode != "behaviour":
        width = model.get_input_embeddings().weight.shape[1]
        blank = torch.zeros(2, recommender.dim)
        hidden = settings["connector_hidden_size"]
        n_parts = {"user": settings.get("slots_per_user", 1), "item": 1}
        connectors = nn.ModuleDict({name: Connector(blank, hidden, width * n, 1.0) for name, n in n_parts.items()})
        connectors.load_state_dict(load_file(folder / CONNECTORS_FILE), strict=True)
        connectors = connectors.to(model.device)
    model = _with_adapter(model, folder / ADAPTER)
    return Explainer(mode, model, tokenizer, recommender, settings, connectors, reference).eval()


def _with_adapter(model: Any, folder: Path) -> Any:
    """A base LLM with a saved adapter; peft itself only warns of tensors that are missing or that it cannot place.

    Raises:
        ValueError: If the file does not hold exactly the tensors that such an adapter has.
    """
    adapted = PeftModel.from_pretrained(model, folder).eval()
    stored = load_file(folder / SAFETENSORS_WEIGHTS_NAME)
    own = get_peft_model_state_dict(adapted, state_dict=_adapter_state(adapted), save_embedding_layers=False)
    check_tensors(stored, own, "the adapter")
    return adapted


def _adapter_state(model: Any) -> dict[str, Tensor]:
    """The tensors of LoRA alone: of all that it is given, peft would gather what is sharded."""
    return {name: tensor for name, tensor in model.state_dict().items() if "lora_" in name}


def base_explainer(llm: Llm, settings: dict[str, Any]) -> Explainer:
    """The unaligned control: the base LLM alone, reading text."""
    model, tokenizer = load_base(llm)
    return Explainer("none", model, tokenizer, None, settings, None, base_reference(llm)).eval()


def _sort_lists(path: Path) -> None:
    """peft writes sets in arbitrary order; sorted, equal adapters have equal files."""
    config = store.read_json(path)
    sortable = {key: value for key, value in config.items() if isinstance(value, list)}
    store.write_json(path, config | {key: sorted(value) for key, value in sortable.items()})


def _verdict_ids(encoder: ChatEncoder) -> tuple[int, int]:
    yes, no = encoder.answer_ids(wording.YES)[0], encoder.answer_ids(wording.NO)[0]
    if yes == no:
        raise InputError("the tokenizer gives Yes and No the same first token: this base model cannot classify")
    return yes, no


def _adapted(model: Any, align: Align) -> Any:
    try:
        adapted = get_peft_model(model, _lora(align))
    except ValueError as error:
        linear = {
            name.rsplit(".", 1)[-1]
            for name, layer in model.named_modules()
            if isinstance(layer, nn.Linear | Conv1D) and layer is not model.get_output_embeddings()
        }
        raise InputError(
            f"align.lora.targets: {align.lora.targets} cannot be adapted in this base model; "
            f"give all-linear, or some of {', '.join(sorted(linear))}"
        ) from error
    layers = {name.rsplit(".", 1)[-1] for name, layer in adapted.named_modules() if isinstance(layer, LoraLayer)}
    unknown = sorted(set(align.lora.ranks) - layers)  # peft only warns of them
    if unknown:
        raise InputError(f"align.lora.ranks: {unknown[0]} is not adapted; give some of {', '.join(sorted(layers))}")
    return adapted


def _lora(align: Align) -> LoraConfig:
    targets, ranks = align.lora.targets, align.lora.ranks
    return LoraConfig(
        r=align.lora.r,
        rank_pattern=ranks,
        alpha_pattern={layer: rank * align.lora.alpha / align.lora.r for layer, rank in ranks.items()},
        lora_alpha=align.lora.alpha,
        lora_dropout=align.lora.dropout,
        target_modules=targets if targets == "all-linear" else targets.split(","),
        task_type="CAUSAL_LM",
    )
