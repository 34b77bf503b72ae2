from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from tokenizers import models, pre_tokenizers
from transformers import BloomConfig

from recexplainer.core.contents import content_sha256
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Llm
from recexplainer.llm.base_model import context_tokens, load_base
from recexplainer.llm.explainer import Explainer, base_explainer, load_explainer
from recexplainer.llm.merge import merge
from recexplainer.prompting.chat import ChatEncoder, Slot
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.baselines import Popularity
from tests import tiny
from tests.prompting.test_chat import FAMILIES
from tests.prompting.test_frames import another_day  # noqa: F401 - a fixture


def logits(
    explainer: Explainer, user_row: int = 1, item: int = 4, recommender: Recommender | None = None
) -> torch.Tensor:
    """Logits (1, 2, vocabulary) at the last places of a prompt with both slots."""
    ids = torch.tensor([[5, 9, 0, 11, 0, 13]])
    users, items = torch.full_like(ids, -1), torch.full_like(ids, -1)
    if explainer.connectors is not None:
        users[0, 2], items[0, 4] = user_row, item
    with torch.no_grad():
        vectors = tiny.some_user_vectors(recommender)
        return explainer(ids, users, items, places=torch.tensor([4, 5]), user_vectors=vectors)


@pytest.mark.parametrize("recommender", [tiny.mf(), tiny.sasrec()], ids=["mf", "sasrec"])
@pytest.mark.parametrize("mode", ["behaviour", "intention", "both"])
def test_what_is_saved_is_loaded(base: Path, tmp_path: Path, mode: str, recommender: Any) -> None:
    explainer = tiny.explainer(base, mode, recommender)
    explainer.save(tmp_path / "model")
    loaded = load_explainer(tmp_path / "model")
    given, found = (logits(one, recommender=recommender) for one in (explainer, loaded))
    assert torch.equal(found, given)
    assert loaded.mode == mode and loaded.settings == explainer.settings and loaded.reference == explainer.reference
    assert loaded.recommender is not None
    assert torch.equal(loaded.recommender.scores([[1, 2]]), recommender.scores([[1, 2]]))


def test_a_user_of_several_slots_is_saved_and_loaded(base: Path, tmp_path: Path) -> None:
    explainer = tiny.explainer(base, "both", None, None, "align.slots_per_user=3")
    explainer.save(tmp_path / "model")
    loaded = load_explainer(tmp_path / "model")
    assert loaded.encoder.slots_per_user == 3
    assert torch.equal(logits(loaded, user_row=7), logits(explainer, user_row=7))
    assert not torch.equal(logits(loaded, user_row=7), logits(explainer, user_row=8))


def test_each_slot_of_a_user_has_a_vector_of_its_own(base: Path) -> None:
    explainer = tiny.explainer(base, "both", None, None, "align.slots_per_user=2")
    prompt = explainer.encoder.prompt(["Who? ", Slot("user", 3), " and ", Slot("item", 4), " and ", Slot("user", 1)])
    users, items = (torch.from_numpy(slots)[None] for slots in (prompt.user_slots, prompt.item_slots))
    assert users[users >= 0].tolist() == [6, 7, 2, 3] and items[items >= 0].tolist() == [4]
    vectors, ids = tiny.some_user_vectors(), torch.from_numpy(prompt.input_ids)[None]
    with torch.no_grad():
        found = explainer.embed(ids, users, items, vectors)
        wanted = explainer.connectors["user"](vectors[[3, 1]]).reshape(4, -1)
    assert torch.allclose(found[users >= 0], wanted, atol=1e-6)
    assert not torch.equal(wanted[0], wanted[1])


def test_nothing_of_the_base_model_is_saved_and_nothing_is_pickled(base: Path, tmp_path: Path) -> None:
    tiny.explainer(base, "both").save(tmp_path / "model")
    files = {path.relative_to(tmp_path / "model").as_posix(): path for path in (tmp_path / "model").rglob("*.*")}
    assert {path.suffix for path in files.values()} == {".json", ".safetensors", ".jinja"}
    adapter = load_file(files["adapter/adapter_model.safetensors"])
    assert adapter and all("lora_" in name for name in adapter)


def test_equal_explainers_have_equal_files(base: Path, tmp_path: Path) -> None:
    """The registry goes by the files' bytes; peft writes sets, whose order changes from process to process."""
    for name in "ab":
        tiny.explainer(base, "both").save(tmp_path / name)
    assert content_sha256(tmp_path / "a") == content_sha256(tmp_path / "b")
    config = json.loads((tmp_path / "a/adapter/adapter_config.json").read_text())
    assert len(config["target_modules"]) == 14  # seven linear layers of two blocks
    for value in config.values():
        assert not isinstance(value, list) or value == sorted(value)


def test_a_vector_replaces_the_embedding_of_its_slot_and_nothing_else(base: Path) -> None:
    explainer = tiny.explainer(base, "both")
    assert explainer.connectors is not None
    vectors = tiny.some_user_vectors()
    ids = torch.tensor([[5, 9, 8, 11, 8, 13], [8, 7, 7, 7, 7, 7]])  # the padding's embedding is zero: not here
    users, items = torch.full_like(ids, -1), torch.full_like(ids, -1)
    users[0, 2], items[0, 4], items[1, 0] = 3, 6, 2
    embedded = explainer.embed(ids, users, items, vectors)
    words = explainer.llm.get_input_embeddings()(ids)
    user, item = explainer.connectors["user"], explainer.connectors["item"]
    assert torch.allclose(embedded[0, 2], user(vectors[3]), atol=1e-6)
    assert torch.allclose(embedded[0, 4], item(tiny.mf().item_vectors()[6]), atol=1e-6)
    assert torch.allclose(embedded[1, 0], item(tiny.mf().item_vectors()[2]), atol=1e-6)
    is_word = (users < 0) & (items < 0)
    assert torch.equal(embedded[is_word], words[is_word])
    assert not torch.equal(logits(explainer, 1, 4), logits(explainer, 2, 4))
    assert not torch.equal(logits(explainer, 1, 4), logits(explainer, 1, 5))


def test_the_recommender_is_no_part_of_the_module_tree(base: Path) -> None:
    for recommender in (tiny.mf(), tiny.sasrec()):
        explainer = tiny.explainer(base, "both", recommender)
        before = {name: tensor.clone() for name, tensor in recommender.state_dict().items()}
        own = [tensor for _, tensor in explainer.named_parameters()] + [t for _, t in explainer.named_buffers()]
        pointers = {tensor.data_ptr() for tensor in own}
        assert not pointers & {tensor.data_ptr() for tensor in recommender.state_dict().values()}
        explainer.train()
        explainer.half()
        assert not recommender.training
        for name, tensor in recommender.state_dict().items():
            assert torch.equal(tensor, before[name]) and tensor.dtype == before[name].dtype


def test_only_adapter_and_connectors_are_trainable(base: Path) -> None:
    for mode in ("behaviour", "both"):
        explainer = tiny.explainer(base, mode)
        for name, parameter in explainer.named_parameters():
            assert parameter.requires_grad == ("lora_" in name or name.startswith("connectors.")), name
    assert not any("lm_head" in n or "embed_tokens" in n for n, p in explainer.named_parameters() if p.requires_grad)


def test_a_mode_with_vectors_needs_a_recommender_that_has_them(base: Path) -> None:
    popularity = Popularity(tiny.N_ITEMS)
    for mode in ("intention", "both"):
        with pytest.raises(InputError, match=f"mode {mode} needs vectors, but the recommender popularity only gives"):
            tiny.explainer(base, mode, popularity, torch.zeros(0, 0))
    explainer = tiny.explainer(base, "behaviour", popularity, torch.zeros(0, 0))
    assert explainer.connectors is None and explainer.item_vectors is None


def test_layers_that_the_base_model_lacks_are_refused_and_those_it_has_are_named(base: Path) -> None:
    with pytest.raises(
        InputError, match="align.lora.targets: query_key_value cannot be adapted .*k_proj, o_proj, q_proj"
    ) as caught:
        tiny.explainer(base, "both", None, None, "align.lora.targets=query_key_value")
    assert "\n" not in str(caught.value)


def test_a_layer_may_have_a_rank_of_its_own_and_is_scaled_as_the_others_are(base: Path, tmp_path: Path) -> None:
    made = tiny.explainer(base, "both", None, None, "align.lora.alpha=6", "align.lora.ranks={q_proj: 5}")
    layers = {
        name.rsplit(".", 1)[-1]: layer for name, layer in made.llm.named_modules() if isinstance(layer, LoraLayer)
    }
    ranks = {name: layer.lora_A["default"].weight.shape[0] for name, layer in layers.items()}
    assert ranks == {name: 5 if name == "q_proj" else 2 for name in layers} and len(layers) > 1
    assert {layer.scaling["default"] for layer in layers.values()} == {3.0}
    made.save(tmp_path / "explainer")
    loaded = load_explainer(tmp_path / "explainer").state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in made.state_dict().items())


def test_a_rank_of_a_layer_that_is_not_adapted_is_refused(base: Path) -> None:
    with pytest.raises(InputError, match="align.lora.ranks: lm_head is not adapted; give some of .*k_proj, o_proj"):
        tiny.explainer(base, "both", None, None, "align.lora.ranks={lm_head: 4}")


def test_yes_and_no_must_begin_with_different_tokens(base: Path) -> None:
    """As where the tokenizer puts a blank before every text, and makes it a token of its own."""
    model, tokenizer = load_base(Llm(str(base), None, None, {}))
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    blank = tokenizer.convert_tokens_to_ids("Ġ")
    tokenizer.backend_tokenizer.model = models.BPE(tokenizer.get_vocab(), [])
    assert tokenizer("Yes", add_special_tokens=False)["input_ids"][0] == blank
    with pytest.raises(InputError, match="Yes and No the same first token: this base model cannot classify"):
        Explainer("none", model, tokenizer, None, {})


def test_prompts_stay_within_the_context_of_the_base_model(base: Path) -> None:
    explainer = tiny.explainer(base, "behaviour")
    assert (explainer.prompt_budget(300), explainer.prompt_budget(4096), explainer.prompt_budget(4096, 48)) == (
        300,
        2048,
        2000,
    )
    assert context_tokens(BloomConfig()) is None  # its biases know no end


def test_another_base_model_is_refused(base: Path, tmp_path: Path) -> None:
    other = shutil.copytree(base, tmp_path / "base")
    tiny.explainer(other, "both").save(tmp_path / "model")
    config = json.loads((other / "generation_config.json").read_text())
    (other / "generation_config.json").write_text(json.dumps(config | {"temperature": 0.5}))
    with pytest.raises(InputError, match="has changed since the explainer was aligned"):
        load_explainer(tmp_path / "model")


@pytest.mark.parametrize(
    "lost",
    [
        "explainer.json",
        "connectors.safetensors",
        "chat_template.jinja",
        "adapter/adapter_model.safetensors",
        "adapter/adapter_config.json",
        "recommender/config.json",
    ],
)
def test_a_missing_file_is_one_clear_line(base: Path, tmp_path: Path, lost: str) -> None:
    tiny.explainer(base, "both").save(tmp_path / "model")
    (tmp_path / "model" / lost).unlink()
    with pytest.raises(InputError):
        load_explainer(tmp_path / "model")


def test_a_lack_of_memory_is_not_taken_for_a_damaged_explainer(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.explainer(base, "both").save(tmp_path / "model")
    monkeypatch.setattr(PeftModel, "from_pretrained", tiny.out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        load_explainer(tmp_path / "model")


def _renamed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.replace("lora_", "lora_x_"): tensor for name, tensor in tensors.items()}


def _without_one(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name != min(tensors)}


def _with_one_more(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors | {"base_model.model.more.lora_A.weight": torch.ones(2, 2)}


def _of_another_shape(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors | {min(tensors): torch.ones(2, 3)}


@pytest.mark.parametrize("load", ["load", "merge"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda _: {}, "the adapter lacks 28 of 28 tensors"),
        (_renamed, "the adapter lacks 28 of 28 tensors"),
        (_without_one, "the adapter lacks 1 of 28 tensors, such as base_model.*lora_A"),
        (_with_one_more, "the adapter has 1 unexpected tensors, such as base_model.model.more"),
        (_of_another_shape, "Error.* in loading"),
    ],
)
def test_a_damaged_adapter_is_neither_loaded_nor_merged(
    base: Path, tmp_path: Path, damage: Any, reason: str, load: str
) -> None:
    tiny.explainer(base, "behaviour").save(tmp_path / "model")
    weights = tmp_path / "model" / "adapter" / "adapter_model.safetensors"
    save_file(damage(load_file(weights)), weights, metadata={"format": "pt"})
    with pytest.raises(InputError, match=f"is not what the stage align writes .*{reason}.*; align again"):
        load_explainer(tmp_path / "model") if load == "load" else merge(tmp_path / "model", tmp_path / "plain")
    assert not (tmp_path / "plain").exists()


def test_weights_of_another_shape_are_refused(base: Path, tmp_path: Path) -> None:
    tiny.explainer(base, "both").save(tmp_path / "model")
    written = json.loads((tmp_path / "model" / "explainer.json").read_text())
    (tmp_path / "model" / "explainer.json").write_text(json.dumps(written | {"connector_hidden_size": 9}))
    with pytest.raises(InputError, match="is not what the stage align writes .*; align again"):
        load_explainer(tmp_path / "model")


def test_a_template_of_ones_own_is_kept_with_the_model(base: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.jinja"
    own.write_text(tiny.TEMPLATE.replace("<|user|>", "[INST]"))
    explainer = tiny.explainer(base, "behaviour", None, None, f"llm.chat_template={own}")
    explainer.settings["chat_template"] = str(own)
    explainer.save(tmp_path / "model")
    own.unlink()
    loaded = load_explainer(tmp_path / "model")
    assert loaded.encoder.prompt(["a"]).input_ids.tolist() == explainer.encoder.prompt(["a"]).input_ids.tolist()
    assert loaded.encoder.tokenizer.chat_template != tiny.TEMPLATE


@pytest.mark.usefixtures("another_day")
def test_an_explainer_asks_on_every_day_as_it_was_made(base: Path, tmp_path: Path) -> None:
    """The pinned template is saved, its parameters with it, and is that of the merged model."""
    dated = tmp_path / "dated.jinja"
    dated.write_text("{{ strftime_now('%d %b %Y') + ', ' + mood + '\n' }}" + tiny.TEMPLATE)
    given = (f"llm.chat_template={dated}", "llm.chat_template_kwargs={mood: calm}")
    explainer = tiny.explainer(base, "behaviour", None, None, *given)
    explainer.save(tmp_path / "model")
    dated.unlink()
    prompt = explainer.encoder.prompt(["a"]).input_ids.tolist()
    assert explainer.encoder.tokenizer.decode(prompt).startswith("01 Jan 2026, calm\n<|user|>")
    merge(tmp_path / "model", tmp_path / "plain")
    _, merged = load_base(Llm(str(tmp_path / "plain"), None, None, {}))
    for encoder in (load_explainer(tmp_path / "model").encoder, ChatEncoder(merged)):
        assert encoder.prompt(["a"]).input_ids.tolist() == prompt


def test_where_conversations_differ_from_the_templates_own_one_line_says_so(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "own.jinja"
    template.write_text(FAMILIES["llama2"][0])
    tiny.explainer(base, "behaviour")
    assert "llm: " not in capsys.readouterr().err
    tiny.explainer(base, "behaviour", None, None, f"llm.chat_template={template}")
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("llm: ")]
    assert "conversations are tokenized as" in line and "the chat template's own tokens are" in line


def test_the_unaligned_base_reads_text(base: Path) -> None:
    chosen = tiny.settings(f"llm.base={base}")
    explainer = base_explainer(chosen.llm, {"n_categories": 1})
    assert (explainer.mode, explainer.form, explainer.recommender) == ("none", "behaviour", None)
    assert not explainer.training and explainer.connectors is None
