from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from recexplainer import cli
from recexplainer.core.contents import content_sha256
from recexplainer.core.settings import Llm
from recexplainer.llm import merge
from recexplainer.llm.base_model import load_base
from recexplainer.llm.explainer import load_explainer
from recexplainer.prompting.chat import ChatEncoder
from recexplainer.prompting.frames import PLAIN_TEMPLATE
from tests import tiny

IDS = torch.tensor([[2, 5, 9, 40, 11, 60, 13, 1, 3]])


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """What the stage align writes."""
    tiny.explainer(base, "both").save(tmp_path / "explainer")
    tiny.catalogue().frame.to_parquet(tmp_path / "explainer" / "catalogue.parquet")
    return tmp_path / "explainer"


@torch.no_grad()
def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(input_ids=IDS).logits[0].float()


def stored_dtypes(out: Path) -> set[str]:
    with safe_open(out / "model.safetensors", "pt") as weights:
        return {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118


def test_the_command_writes_a_model_folder_that_needs_neither_adapter_nor_base(
    folder: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content_sha256(folder)
    explainer = load_explainer(folder)
    out = tmp_path / "deep" / "plain"
    assert cli.run(["merge", str(folder), str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out) and content_sha256(folder) == before
    assert {path.name for path in out.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "explainer",
    }  # fmt: skip
    plain = AutoModelForCausalLM.from_pretrained(out, use_safetensors=True).eval()
    assert torch.allclose(logits(plain), logits(explainer.llm), atol=1e-4)
    assert not torch.allclose(logits(plain), logits(load_base(Llm(str(base), None, None, {}))[0]), atol=1e-2)
    assert not any("lora" in name for name, _ in plain.named_parameters())
    tokenizer = AutoTokenizer.from_pretrained(out)
    encoder = ChatEncoder(tokenizer)
    assert encoder.prompt(["Which title?"]).input_ids.tolist() == (
        explainer.encoder.prompt(["Which title?"]).input_ids.tolist()
    )
    assert plain.generation_config.eos_token_id == explainer.encoder.end_ids[0]


def test_what_reads_vectors_lies_beside_the_weights(folder: Path, tmp_path: Path) -> None:
    merge.merge(folder, tmp_path / "plain")
    beside = tmp_path / "plain" / merge.VECTOR_PARTS
    written = {path.relative_to(beside).as_posix() for path in beside.rglob("*.*")}
    assert written == {
        "explainer.json", "connectors.safetensors", "catalogue.parquet", "recommender/config.json",
        "recommender/weights.safetensors",
    }  # fmt: skip
    for name in written:
        assert (beside / name).read_bytes() == (folder / name).read_bytes()


def test_merged_weights_can_be_a_base_again(folder: Path, tmp_path: Path) -> None:
    merge.merge(folder, tmp_path / "plain")
    model, _ = load_base(Llm(str(tmp_path / "plain"), None, None, {}))
    assert torch.allclose(logits(model), logits(load_explainer(folder).llm), atol=1e-4)


def test_the_weights_have_the_type_of_the_bases_files_or_one_that_is_asked_for(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    tiny.llama(len(tokenizer)).half().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    tiny.explainer(tmp_path / "base", "behaviour").save(tmp_path / "explainer")
    for name, options, expected in (("a", [], "F16"), ("b", ["--dtype", "float32"], "F32")):
        assert cli.run(["merge", str(tmp_path / "explainer"), str(tmp_path / name), *options]) == 0
        assert stored_dtypes(tmp_path / name) == {expected}
        assert not (tmp_path / name / "explainer" / "connectors.safetensors").exists()
    assert json.loads((tmp_path / "a" / "config.json").read_text())["dtype"] == "float16"


def test_a_base_that_has_moved_is_read_where_it_is_now(
    base: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = json.loads((folder / "explainer.json").read_text())
    settings["base"]["name"] = str(tmp_path / "gone")
    (folder / "explainer.json").write_text(json.dumps(settings))
    monkeypatch.setenv("RECEXPLAINER_BASE", str(base))
    assert cli.run(["merge", str(folder), str(tmp_path / "plain")]) == 0
    assert stored_dtypes(tmp_path / "plain") == {"F32"}


def _shrink(folder: Path, factor: float) -> None:
    """What an adapter adds, made smaller or larger."""
    path = folder / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    weights |= {name: tensor * factor for name, tensor in weights.items() if "lora_B" in name}
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize(("dtype", "factor"), [("bfloat16", 1e-3), ("float16", 1e7)])
def test_what_rounding_takes_away_is_refused_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dtype: str, factor: float
) -> None:
    """Too small beside the base's weights for bf16; too large for fp16, which makes it infinite."""
    tokenizer = tiny.tokenizer()
    tiny.llama(len(tokenizer)).bfloat16().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    tiny.explainer(tmp_path / "base", "behaviour").save(tmp_path / "explainer")
    _shrink(tmp_path / "explainer", factor)
    assert cli.run(["merge", str(tmp_path / "explainer"), str(tmp_path / "plain"), "--dtype", dtype]) == 2
    assert f"rounded to {dtype}, the merged weights lose what the adapter learned" in capsys.readouterr().err
    assert not (tmp_path / "plain").exists()
    assert cli.run(["merge", str(tmp_path / "explainer"), str(tmp_path / "plain"), "--dtype", "float32"]) == 0


def test_the_template_that_was_aligned_with_is_written_also_where_it_is_the_plain_one(
    base: Path, tmp_path: Path
) -> None:
    tokenizer = tiny.tokenizer(template=None)
    tiny.llama(len(tokenizer)).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    tiny.explainer(tmp_path / "base", "behaviour").save(tmp_path / "a")
    own = tmp_path / "own.jinja"
    own.write_text(tiny.TEMPLATE.replace("<|user|>", "[INST]"))
    explainer = tiny.explainer(base, "behaviour", None, None, f"llm.chat_template={own}")
    explainer.settings["chat_template"] = str(own)
    explainer.save(tmp_path / "b")
    for name, template in (("a", PLAIN_TEMPLATE), ("b", own.read_text())):
        merge.merge(tmp_path / name, tmp_path / f"plain-{name}")
        assert AutoTokenizer.from_pretrained(tmp_path / f"plain-{name}").chat_template == template


def test_bad_input_is_one_line_and_nothing_half_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(given: Path, out: Path) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert cli.run(["merge", str(given), str(out)]) == 2
        assert sorted(tmp_path.rglob("*")) == before
        [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        return line

    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("")
    assert "already exists" in refusal(folder, tmp_path / "there")
    assert "is inside the explainer's folder" in refusal(folder, folder / "plain")
    assert "explainer.json: no such file" in refusal(tmp_path / "nothing", tmp_path / "plain")
    assert "cannot be written" in refusal(folder, tmp_path / "file" / "plain")

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(merge, "_copy_vector_parts", fail)  # at the very end, when the weights are written
    assert "plain: No space left on device; free some space" in refusal(folder, tmp_path / "plain")
    (folder / "adapter" / "adapter_model.safetensors").unlink()
    assert "align again" in refusal(folder, tmp_path / "plain")


def test_an_adapter_of_tied_weights_gives_the_output_its_own(tmp_path: Path) -> None:
    """Added to the shared weights it would change the input, too."""
    tokenizer = tiny.tokenizer()
    tiny.llama(len(tokenizer), tie_word_embeddings=True).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    explainer = tiny.explainer(tmp_path / "base", "behaviour", None, None, "align.lora.targets=lm_head")
    tokens = torch.arange(1, 9)[None]
    wanted = explainer.llm(tokens).logits
    merge.merged(explainer).save_pretrained(tmp_path / "merged")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")(tokens).logits
    assert torch.allclose(found, wanted, atol=1e-4)
