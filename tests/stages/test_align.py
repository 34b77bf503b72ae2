from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers.normalizers import Lowercase, Replace
from transformers import BertConfig, BertLMHeadModel, T5Config, T5ForConditionalGeneration

from recexplainer import store
from recexplainer.core.contents import content_sha256
from recexplainer.data.splits import TRAIN
from recexplainer.llm.explainer import load_explainer
from recexplainer.recommenders.baselines import Popularity
from recexplainer.stages import align
from recexplainer.tracking import registry, runs
from tests import tiny
from tests.prompting.test_chat import THINKING

pytestmark = pytest.mark.slow

SHORT = ("align.epochs={behaviour: 0.05, intention: 0.05, both: 0.05}", "align.save_steps=1")


def options(*assignments: str) -> list[str]:
    return [part for assignment in (*tiny.SMALL, *SHORT, *assignments) for part in ("-S", assignment)]


def test_it_writes_an_explainer_and_logs_it_with_its_curves(base: Path, project: Path) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    for _ in range(2):
        assert align.main(["--mode", "both", *options(f"llm.base={base}", "align.eval_steps=2")]) == 0
    folder = store.explainer_folder("both")
    explainer = load_explainer(folder)
    assert explainer.mode == "both" and (folder / store.CATALOGUE.name).exists()
    assert not store.checkpoints_folder("both").exists()
    data = store.read_alignment()
    rows = sorted({example.vector_row for example in data.of_split(TRAIN)} - {-1})  # test users' vectors are not known
    assert 0 < len(rows) < len(data.user_vectors)
    assert explainer.connectors is not None
    assert torch.allclose(explainer.connectors["user"].mean, data.user_vectors[rows].float().mean(dim=0), atol=1e-6)
    second, first = runs.connect().search_runs([runs.experiment_id(runs.connect(), "demo")])
    assert second.data.metrics["loss"] == first.data.metrics["loss"] > 0
    watched = [
        (entry.step, entry.value) for entry in runs.connect().get_metric_history(second.info.run_id, "valid/loss")
    ]
    assert len(watched) > 1 and watched[0][0] == 0 and watched[0][1] != watched[-1][1]
    assert {"valid/interest_classification/accuracy", "valid/next_item_retrieval/hr_at_5"} <= set(second.data.metrics)
    assert second.data.metrics["n_examples"] > 50 and second.data.params["align.lora.r"] == "2"
    stored = ("max_history", "like_top", "dislike_bottom")  # with the explainer, which needs them when it is served
    assert {f"build_alignment.{name}" for name in stored} <= set(second.data.params)
    assert [dataset.dataset.name for dataset in second.inputs.dataset_inputs] == ["alignment"]
    [model] = second.outputs.model_outputs
    logged = runs.connect().get_logged_model(model.model_id)
    assert logged.tags[registry.CONTENT_TAG] == content_sha256(folder)
    models = [runs.connect().get_logged_model(run.outputs.model_outputs[0].model_id) for run in (first, second)]
    assert models[0].tags[registry.CONTENT_TAG] == models[1].tags[registry.CONTENT_TAG]  # the same bytes twice


@pytest.mark.parametrize(
    ("mode", "assignment", "message"),
    [
        ("none", "run.seed=7", "--mode must be one of behaviour, intention, both, not 'none'"),
        ("both", "llm.base=./nothing/here", "llm.base: ./nothing/here is not a folder"),
        ("both", "align.row_tokens=20", "do not fit 20 tokens even without history; the longest, of task"),
        ("intention", "run.seed=7", "mode intention needs vectors, but the recommender popularity only gives scores"),
    ],
)
def test_what_cannot_be_aligned_is_one_clear_line_and_writes_nothing(
    base: Path, project: Path, capsys: pytest.CaptureFixture[str], mode: str, assignment: str, message: str
) -> None:
    tiny.write_prepared(Popularity(tiny.N_ITEMS) if mode == "intention" else None)
    tiny.write_alignment()
    assert align.main(["--mode", mode, *options(f"llm.base={base}", assignment)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and message in error
    assert not Path("models").joinpath(f"explainer-{mode}").exists()


def test_prompts_longer_than_a_row_are_found_before_anything_is_trained(
    base: Path, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()

    def train_too_early(*_: object) -> None:
        raise AssertionError("the warm start had begun")

    monkeypatch.setattr(align, "warm_start", train_too_early)
    for row_tokens in (20, 60):
        assert align.main(["--mode", "both", *options(f"llm.base={base}", f"align.row_tokens={row_tokens}")]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        found = re.search(
            r"(\d+) of (\d+) prompts do not fit (\d+) tokens .* needs (\d+): set .* at least (\d+)", error
        )
        assert found is not None, error
        n, of, room, needed, advised = map(int, found.groups())
        assert 0 < n <= of and room == row_tokens < needed == advised
    enough = f"align.row_tokens={advised}"
    with pytest.raises(AssertionError, match="the warm start had begun"):
        align.main(["--mode", "both", *options(f"llm.base={base}", enough)])


def test_a_server_that_fails_at_the_end_costs_no_training(
    base: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    log = registry.log_model_folder

    def fail(*_: object) -> None:
        raise ConnectionError("no answer")

    monkeypatch.setattr(registry, "log_model_folder", fail)
    with pytest.raises(ConnectionError):
        align.main(["--mode", "both", *options(f"llm.base={base}")])
    first = content_sha256(store.explainer_folder("both"))
    monkeypatch.setattr(registry, "log_model_folder", log)
    assert align.main(["--mode", "both", *options(f"llm.base={base}")]) == 0
    again, failed = runs.connect().search_runs([runs.experiment_id(runs.connect(), "demo")])
    steps = [
        {entry.step for entry in runs.connect().get_metric_history(run.info.run_id, "loss")} for run in (failed, again)
    ]
    assert steps[0] and not steps[0] & steps[1]  # it resumed from the last step
    assert content_sha256(store.explainer_folder("both")) == first
    assert not store.checkpoints_folder("both").exists()


def pickled(base: Path) -> None:
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()


def with_a_context_of_24(base: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 24}))


def with_an_encoder(base: Path) -> None:
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tiny.tokenizer()), initializer_range=0.5, **size)  # type: ignore[arg-type]
    BertLMHeadModel(config).save_pretrained(base)


def with_an_encoder_and_a_decoder(base: Path) -> None:
    size = {"vocab_size": len(tiny.tokenizer()), "d_model": 16, "d_kv": 8, "d_ff": 8, "num_layers": 1}
    T5ForConditionalGeneration(T5Config(**size)).save_pretrained(base)


def with_verdicts_that_begin_alike(base: Path) -> None:
    made = tiny.tokenizer()
    made.backend_tokenizer.normalizer = Replace("Yes", "No")
    made.save_pretrained(base)


def with_a_template_in_latin_1(base: Path) -> None:
    (base / "own.jinja").write_bytes("{# é #}".encode("latin-1"))


def with_a_tokenizer_in_lower_case(base: Path) -> None:
    catalogue = tiny.catalogue().frame
    catalogue.loc[:1, "title"] = ["DOOM", "Doom"]
    store.write_catalogue(catalogue)
    made = tiny.tokenizer()
    made.backend_tokenizer.normalizer = Lowercase()
    made.save_pretrained(base)


def with_a_template_that_thinks(base: Path) -> None:
    (base / "chat_template.jinja").write_text(THINKING)


def as_it_is(base: Path) -> None:
    """Another parameter is at fault."""


@pytest.mark.parametrize(
    ("change", "assignment", "message"),
    [
        (pickled, "", "cannot be loaded as a causal language model: Error no file named model.safetensors"),
        (with_an_encoder, "", "attends to later tokens: it is an encoder, not a causal language model"),
        (with_an_encoder_and_a_decoder, "", "cannot be loaded as a causal language model"),
        (with_a_context_of_24, "", "do not fit 24 tokens even without history; the longest"),
        (with_verdicts_that_begin_alike, "", "gives Yes and No the same first token"),
        (with_a_tokenizer_in_lower_case, "", "gives the titles 'DOOM' and 'Doom' the same tokens"),
        (with_a_template_that_thinks, "", "llm.chat_template_kwargs such as {enable_thinking: false}"),
        (with_a_template_that_thinks, "llm.chat_template_kwargs={thinking: no}", "does not read 'thinking'"),
        (
            as_it_is,
            "llm.chat_template_kwargs={messages: no}",
            "params.yaml: llm.chat_template_kwargs: 'messages' must be",
        ),
        (as_it_is, "llm.chat_template=no/such.jinja", "llm.chat_template: no/such.jinja is not a file; give a Jinja"),
        (with_a_template_in_latin_1, "llm.chat_template=base/own.jinja", "base/own.jinja: is not UTF-8 at byte 3"),
        (as_it_is, "align.lora.targets=Wqkv", "align.lora.targets: Wqkv cannot be adapted in this base model; give"),
    ],
)
def test_an_llm_that_cannot_be_aligned_is_one_clear_line(
    project: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], assignment: str, message: str
) -> None:
    tiny.write_prepared()
    tiny.write_alignment()
    base = tiny.write_base(project / "base")
    change(base)
    assert align.main(["--mode", "both", *options("llm.base=base", assignment or "run.seed=7")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and message in lines[0]
    assert not Path("models").joinpath("explainer-both").exists()


def test_without_examples_it_says_which_stage_writes_them(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert align.main(["--mode", "both"]) == 2
    assert "data/alignment/examples.jsonl: no such file; run the stage" in capsys.readouterr().err
