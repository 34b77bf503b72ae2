from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertLMHeadModel,
    BloomConfig,
    BloomForCausalLM,
    LlamaForCausalLM,
    T5Config,
)
from transformers import T5ForConditionalGeneration as T5

from recexplainer.core.errors import InputError
from recexplainer.core.settings import Llm
from recexplainer.llm import base_model
from recexplainer.llm.base_model import base_reference, check_reference, hash_files, load_base
from tests import tiny

COMMIT = "0123456789abcdef" * 2 + "01234567"


def llm(base: Path | str, template: Path | None = None, **kwargs: Any) -> Llm:
    return Llm(str(base), None, str(template) if template else None, kwargs)


def refusal(base: Path | str, template: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load_base(llm(base, template))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    return str(caught.value)


def copy(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "copy"))


def test_it_is_loaded_for_reading_in_fp32(base: Path) -> None:
    model, tokenizer = load_base(llm(base))
    assert not model.training and tokenizer.pad_token_id is not None
    if not torch.cuda.is_available():
        assert model.dtype == torch.float32


def test_a_tokenizer_without_padding_pads_with_its_end(base: Path, tmp_path: Path) -> None:
    folder = copy(base, tmp_path)
    made = tiny.tokenizer(pad_token=None)
    made.save_pretrained(folder)
    _, tokenizer = load_base(llm(folder))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for name in (tmp_path / "nothing", "./nothing", "a/b/c"):
        assert "is not a folder; give a model folder or a hub name" in refusal(name)
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refusal(tmp_path / "file")
    assert "no such folder, so it was read as a hub name" in refusal("nobody-here/no-such-model")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "cannot be loaded as a causal language model" in refusal(tmp_path)


@pytest.mark.parametrize(
    "make",
    [
        lambda size: BertForMaskedLM(BertConfig(**size)),
        lambda size: BertLMHeadModel(BertConfig(**size)),
        lambda size: T5(T5Config(vocab_size=size["vocab_size"], d_model=16, d_kv=8, d_ff=8, num_layers=1)),
    ],
    ids=["masked", "head", "encoder-decoder"],
)  # fmt: skip
def test_what_is_no_decoder_is_refused(make: Any, tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    size = {
        "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.5,
    }  # fmt: skip
    torch.manual_seed(0)
    make(size).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert "causal language model" in refusal(tmp_path)


def test_a_model_that_reads_no_positions_is_refused(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    BloomForCausalLM(BloomConfig(vocab_size=len(tokenizer), hidden_size=16, n_layer=1, n_head=2)).save_pretrained(
        tmp_path
    )
    tokenizer.save_pretrained(tmp_path)
    assert "does not accept embeddings, positions and a mask" in refusal(tmp_path)


def test_missing_weights_are_not_made_up(base: Path, tmp_path: Path) -> None:
    folder = copy(base, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lacks weights" in refusal(folder) and "layers.1.mlp.up_proj" in refusal(folder)


@pytest.mark.parametrize("damaged", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_file_is_one_line(base: Path, tmp_path: Path, damaged: str) -> None:
    folder = copy(base, tmp_path)
    (folder / damaged).write_bytes(b"\x10\x00 no such thing")
    assert "cannot be loaded" in refusal(folder)


@pytest.mark.parametrize("where", [base_model.AutoModelForCausalLM, LlamaForCausalLM])
def test_a_lack_of_memory_is_not_taken_for_a_fault_of_the_model(
    base: Path, monkeypatch: pytest.MonkeyPatch, where: type
) -> None:
    """While its weights are loaded, and while it is tried."""
    name = "forward" if where is LlamaForCausalLM else "from_pretrained"
    monkeypatch.setattr(where, name, tiny.out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        load_base(llm(base))


def test_pickled_weights_are_not_read(base: Path, tmp_path: Path) -> None:
    folder = copy(base, tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "cannot be loaded" in refusal(folder)


def test_another_chat_template(base: Path, tmp_path: Path) -> None:
    template = tmp_path / "own.jinja"
    template.write_text("{{ messages[0]['content'] }}")
    _, tokenizer = load_base(llm(base, template))
    assert tokenizer.chat_template == template.read_text()
    assert "own2.jinja is not a file; give a Jinja template" in refusal(base, tmp_path / "own2.jinja")


def test_a_chat_template_is_given_its_parameters(base: Path, tmp_path: Path) -> None:
    template = tmp_path / "own.jinja"
    template.write_text("{% if mood %}{{ mood }}{% endif %}" + tiny.TEMPLATE)
    _, tokenizer = load_base(llm(base, template, mood="calm"))
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "?"}], tokenize=False)
    assert asked == "calm<|user|>?<|end|>"
    with pytest.raises(InputError, match="llm.chat_template_kwargs: the chat template does not read 'moods'"):
        load_base(llm(base, template, moods="calm"))


def test_parameters_without_a_chat_template_are_refused(base: Path, tmp_path: Path) -> None:
    folder = copy(base, tmp_path)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template that reads them: set llm.chat_template"):
        load_base(llm(folder, mood="calm"))


def test_of_several_templates_the_one_for_conversations_counts(base: Path, tmp_path: Path) -> None:
    folder = copy(base, tmp_path)
    made = tiny.tokenizer()
    made.chat_template = {"default": tiny.TEMPLATE, "tool_use": "{{ 'tools' }}"}
    made.save_pretrained(folder)
    _, tokenizer = load_base(llm(folder))
    assert tokenizer.chat_template == tiny.TEMPLATE


def test_the_reference_pins_the_bytes_of_a_folder(base: Path, tmp_path: Path) -> None:
    folder = copy(base, tmp_path)
    reference = base_reference(llm(folder))
    check_reference(reference)
    assert reference["sha256"] == hash_files(base)
    (folder / "README.md").write_text("a model card is no part of the model")
    check_reference(reference)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    with pytest.raises(InputError, match="has changed since the explainer was aligned: align again"):
        check_reference(reference)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="or set RECEXPLAINER_BASE to its folder"):
        check_reference(reference)
    check_reference({"name": "org/model", "revision": "abc", "sha256": None})


def test_the_reference_pins_the_weights_of_a_model_of_the_hub(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "hub" / "models--org--tiny"
    shutil.copytree(base, kept / "snapshots" / COMMIT)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    load_base(llm("org/tiny"))
    reference = base_reference(llm("org/tiny"))
    assert (reference["name"], reference["revision"], reference["sha256"]) == ("org/tiny", COMMIT, None)
    folder = copy(base, tmp_path)
    (folder / "README.json").write_text("{}")
    check_reference(reference)
    check_reference(reference | {"name": str(folder)})  # as RECEXPLAINER_BASE names it
    weights = load_file(folder / "model.safetensors")
    save_file({name: 2 * tensor for name, tensor in weights.items()}, folder / "model.safetensors")
    with pytest.raises(InputError, match="does not hold the weights that the explainer was aligned on"):
        check_reference(reference | {"name": str(folder)})


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("chosen", [{"attention": "flex_attention"}, {"four_bit": True}])
def test_what_needs_a_gpu_says_so_where_there_is_none(base: Path, chosen: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"align\.{next(iter(chosen))}: .* a GPU"):
        load_base(llm(base), **chosen)


def test_four_bits_without_bitsandbytes_say_what_to_install(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs bitsandbytes: pip install bitsandbytes"):
        load_base(llm(base), four_bit=True)


def test_attention_is_what_was_chosen(base: Path) -> None:
    for attention in ("sdpa", "eager"):
        assert load_base(llm(base), attention=attention)[0].config._attn_implementation == attention
