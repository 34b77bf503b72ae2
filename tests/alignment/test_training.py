from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainingArguments

from recexplainer.alignment import training
from recexplainer.alignment.building import build_examples
from recexplainer.alignment.rows import Rows, packed_rows
from recexplainer.alignment.trainer import AlignmentTrainer
from recexplainer.alignment.training import train, training_examples
from recexplainer.alignment.validation import validation
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Align
from recexplainer.data.examples import Example
from recexplainer.llm.explainer import Explainer
from recexplainer.llm.packing import collate, pack, share_prefixes
from recexplainer.prompting.chat import IGNORED, Encoded
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks.known import TASKS
from tests import tiny
from tests.prompting.test_frames import DATED, another_day  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

SPEED = (
    "align.epochs={behaviour: 1, intention: 1, both: 1}",
    "align.mixture.item_discrimination/title=20",
    "align.save_steps=2",
    "align.rows_per_step=2",
)


@dataclass
class Lesson:
    """All that `train` needs, made afresh."""

    explainer: Explainer
    encoded: list[Encoded]
    vectors: torch.Tensor
    align: Align
    recommender: Recommender
    logs: list[tuple[dict[str, float], int]] = field(default_factory=list)

    def train(self, folder: Path, seed: int = 3) -> dict[str, float]:
        asked = [example for example in taught(self.recommender, "valid")[0]]
        measure = validation(self.explainer, tiny.writer(), asked, self.vectors, tiny.interactions(), self.align, seed)
        return train(
            self.explainer, self.rows(seed), self.vectors, self.align, seed, folder,
            lambda values, step: self.logs.append((values, step)), measure,
        )  # fmt: skip

    def rows(self, seed: int) -> Rows:
        return packed_rows(self.encoded, self.align, np.random.default_rng(seed))

    @property
    def valid(self) -> dict[int, dict[str, Any]]:
        return {step: values["valid"] for values, step in self.logs if "valid" in values}  # type: ignore[misc]

    @property
    def trained(self) -> dict[str, torch.Tensor]:
        return {n: p.detach().clone() for n, p in self.explainer.named_parameters() if p.requires_grad}


def taught(recommender: Recommender, split: str = "train") -> tuple[list[Example], torch.Tensor]:
    given = (tiny.interactions(), tiny.catalogue(), tiny.users(), tiny.dialogues(), recommender)
    examples, vectors = build_examples(*given, tiny.settings().build_alignment, seed=1)
    return [example for example in examples if example.split == split], vectors


def lesson(base: Path, mode: str = "both", recommender: Recommender | None = None, *assignments: str) -> Lesson:
    recommender = recommender or tiny.sasrec()
    examples, vectors = taught(recommender)
    examples = [e for e in examples if e.user_id in (0, 1, 2) and (e.user_id or not e.items or e.items[0] < 4)]
    align = tiny.settings(*SPEED, *assignments).align
    explainer = tiny.explainer(base, mode, recommender, vectors, *assignments)
    encoded = training_examples(explainer, tiny.writer(), examples, align, np.random.default_rng(0))
    return Lesson(explainer, list(encoded), vectors, align, recommender)


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- which examples, in which forms ------------------------------------------------------------------------


def test_forms_of_each_mode() -> None:
    examples, _ = taught(tiny.mf())
    shares = {"behaviour": 0.2, "intention": 0.3, "both": 0.5}
    forms: dict[tuple[str, str, str], set[str]] = {}
    for example in examples:
        for mode in ("behaviour", "intention", "both"):
            forms.setdefault((example.task, example.aspect, mode), set()).update(
                TASKS[example.task].form_shares(example, mode, shares)
            )
    every = {"behaviour", "intention", "both"}
    for task in ("next_item_retrieval", "item_ranking", "interest_classification", "user_summary"):
        assert forms[task, "", "both"] == every
        assert forms[task, "", "behaviour"] == {"behaviour"} and forms[task, "", "intention"] == {"intention"}
    assert (
        forms["history_reconstruction", "", "both"] == forms["history_reconstruction", "", "intention"] == {"intention"}
    )
    assert forms["history_reconstruction", "", "behaviour"] == set()
    assert forms["item_discrimination", "title", "both"] == {"intention"}
    assert forms["item_discrimination", "title", "behaviour"] == set()
    assert forms["item_discrimination", "from_description", "intention"] == set()
    assert {len(forms["general_dialogue", "", mode]) for mode in every} == {1}


def test_mixture_and_form_shares_say_how_often_an_example_is_seen(base: Path) -> None:
    examples, vectors = taught(tiny.mf())
    retrieval = [example for example in examples if example.task == "next_item_retrieval"]
    retrieval = [replace(example, user_id=100 * n + example.user_id) for n in range(60) for example in retrieval]
    retrieval = [replace(example, choices=[], shares=[]) for example in retrieval]
    explainer = tiny.explainer(base, "both", None, vectors)
    align = tiny.settings(
        "align.mixture={next_item_retrieval: 2.5}",
        "align.both_forms={behaviour: 0.2, intention: 1.0, both: 0}",
        "align.weights={next_item_retrieval: 3.0}",
    ).align
    encoded = list(training_examples(explainer, tiny.writer(), retrieval, align, np.random.default_rng(0)))
    n_slots = Counter(int((one.user_slots >= 0).sum()) for one in encoded)
    assert n_slots[0] / len(retrieval) == pytest.approx(0.5, abs=0.15)
    assert n_slots[1] / len(retrieval) == pytest.approx(2.5, abs=0.15)
    assert {one.weight for one in encoded} == {3.0}


def test_a_form_is_drawn_for_all_questions_about_a_user_at_once(base: Path) -> None:
    examples, vectors = taught(tiny.mf())
    explainer = tiny.explainer(base, "both", None, vectors)
    align = tiny.settings("align.mixture={}", "align.both_forms={behaviour: 0, intention: 0, both: 0.5}").align
    asked = [e for e in examples if e.user_id and e.task != "history_reconstruction"]
    encoded = training_examples(explainer, tiny.writer(), asked, align, np.random.default_rng(0))
    per_user = Counter((e.user_id, e.position) for e in asked for _ in e.answers())
    shown = Counter(int(one.user_slots[one.user_slots >= 0][0]) for one in encoded)
    rows = {(e.user_id, e.position): e.vector_row for e in asked}
    assert 0 < len(shown) < len(per_user)
    assert all(shown[rows[user]] in (0, n) for user, n in per_user.items())


def test_a_tree_is_about_one_user_or_asks_one_question_about_some_items(base: Path) -> None:
    made = lesson(base, "intention", None, "align.mixture={}")
    groups: dict[int, list[Encoded]] = {}
    for one in made.encoded:
        if one.group >= 0:
            groups.setdefault(one.group, []).append(one)
    users = [{int(slot) for one in members for slot in one.user_slots if slot >= 0} for members in groups.values()]
    assert {len(found) for found in users} == {0, 1}
    for found, members in zip(users, groups.values(), strict=True):
        if not found:
            assert len(members) <= training._ITEMS_PER_TREE
            assert len({one.input_ids[:5].tobytes() for one in members}) == 1
    assert sum(one.group < 0 for one in made.encoded) > 0  # dialogues


def test_an_example_that_is_seen_again_is_seen_in_another_tree(base: Path) -> None:
    examples, vectors = taught(tiny.mf())
    retrieval = next(example for example in examples if example.task == "next_item_retrieval")
    explainer = tiny.explainer(base, "intention", None, vectors)
    align = tiny.settings("align.mixture={next_item_retrieval: 3}").align
    encoded = list(training_examples(explainer, tiny.writer(), [retrieval], align, np.random.default_rng(0)))
    assert len({one.input_ids.tobytes() for one in encoded}) == len(retrieval.answers())
    assert len({one.group for one in encoded}) == len(encoded) / len(retrieval.answers()) == 3


def test_each_choice_is_an_answer_of_its_share_behind_one_prompt(base: Path) -> None:
    examples, vectors = taught(tiny.mf())
    retrieval = next(example for example in examples if example.task == "next_item_retrieval")
    retrieval = replace(retrieval, choices=[retrieval.answer[0], 9], shares=[0.75, 0.25])
    explainer = tiny.explainer(base, "intention", None, vectors)
    align = tiny.settings("align.mixture={}", "align.weights={next_item_retrieval: 4}").align
    encoded = list(training_examples(explainer, tiny.writer(), [retrieval], align, np.random.default_rng(0)))
    titles = [explainer.encoder.answer_ids(tiny.catalogue().titles[item]) for item in retrieval.choices]
    assert [one.weight for one in encoded] == [3.0, 1.0]
    assert [tuple(one.targets[one.targets != IGNORED][:-1]) for one in encoded] == titles  # without their end
    [tree] = share_prefixes(encoded, align.row_tokens)
    assert len(tree) < sum(map(len, encoded))


def test_a_weight_may_be_of_one_aspect(base: Path) -> None:
    examples, vectors = taught(tiny.mf())
    asked = [example for example in examples if example.task == "item_discrimination"]
    align = tiny.settings(
        "align.mixture={}", "align.weights={item_discrimination: 2, item_discrimination/title: 9}"
    ).align
    explainer = tiny.explainer(base, "intention", None, vectors)
    encoded = list(training_examples(explainer, tiny.writer(), asked, align, np.random.default_rng(0)))
    weights = [one.weight for one in encoded]
    assert set(weights) == {2.0, 9.0} and weights.count(9.0) == sum(example.aspect == "title" for example in asked)


def test_every_example_fits_a_row_and_has_an_answer(base: Path) -> None:
    made = lesson(base, "both", None, "align.row_tokens=150")
    assert max(len(one) for one in made.encoded) <= 150
    assert all(one.n_targets > 0 for one in made.encoded)


# --- training ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tiny.mf, tiny.sasrec], ids=["mf", "sasrec"])
def test_the_recommender_is_bit_for_bit_unchanged_and_deterministic_meanwhile(
    base: Path, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = make()
    made = lesson(base, "both", recommender)
    before = {name: tensor.clone() for name, tensor in recommender.state_dict().items()}
    histories = [[3, 5, 3, 8], [1, 2]]
    expected = recommender.user_vectors(histories)
    during: list[bool] = []
    original = AlignmentTrainer.compute_loss

    def watched(self: Any, model: Any, *given: Any, **named: Any) -> Any:
        assert model.training and not recommender.training
        during.append(torch.equal(recommender.user_vectors(histories), expected))
        return original(self, model, *given, **named)

    monkeypatch.setattr(AlignmentTrainer, "compute_loss", watched)
    made.train(tmp_path)
    assert during and all(during)
    for name, tensor in recommender.state_dict().items():
        assert torch.equal(tensor, before[name]) and tensor.dtype == before[name].dtype
        assert not tensor.requires_grad
    assert torch.equal(recommender.user_vectors(histories), expected)


@pytest.mark.parametrize("mode", ["behaviour", "intention", "both"])
def test_only_adapter_and_connectors_learn(base: Path, tmp_path: Path, mode: str) -> None:
    made = lesson(base, mode)
    before = {name: p.detach().clone() for name, p in made.explainer.named_parameters()}
    buffers = {name: b.clone() for name, b in made.explainer.named_buffers()}
    made.train(tmp_path)
    changed = {n for n, p in made.explainer.named_parameters() if not torch.equal(p, before[n])}
    assert changed == set(made.trained)
    assert any(name.startswith("connectors.user.") for name in changed) == (mode != "behaviour")
    assert any(name.startswith("connectors.item.") for name in changed) == (mode != "behaviour")
    assert all("lora_" in name or name.startswith("connectors.") for name in changed)
    assert equal({name: b for name, b in made.explainer.named_buffers()}, buffers)
    assert not made.explainer.training


def test_the_same_seed_gives_the_same_weights_and_another_does_not(base: Path, tmp_path: Path) -> None:
    weights = []
    for number, seed in enumerate((3, 3, 4)):
        torch.rand(number)  # whatever the global generator did before
        made = lesson(base)
        made.train(tmp_path / str(number), seed)
        weights.append(made.trained)
    assert equal(weights[0], weights[1]) and not equal(weights[0], weights[2])


class Killed(Exception):
    """Stands in for a killed process."""


def interrupted(base: Path, folder: Path, step: int, *assignments: str) -> None:
    made = lesson(base, "both", None, *assignments)

    def kill(values: dict[str, float], at: int) -> None:
        if at == step:
            raise Killed

    with pytest.raises(Killed):
        train(made.explainer, made.rows(3), made.vectors, made.align, 3, folder, kill)


def test_what_was_killed_goes_on_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    whole = lesson(base)
    whole.train(tmp_path / "whole")
    n_steps = max(step for _, step in whole.logs)
    assert n_steps >= 4
    interrupted(base, tmp_path / "cut", 3)
    rest = lesson(base)
    rest.train(tmp_path / "cut")
    assert min(step for values, step in rest.logs if "loss" in values) == 3  # it did not begin anew
    assert equal(rest.trained, whole.trained)


def test_a_checkpoint_holds_all_that_is_trained(base: Path, tmp_path: Path) -> None:
    interrupted(base, tmp_path, 5)  # behind steps that ask for users and for items
    [file] = tmp_path.glob("*/checkpoint-4/trainable.safetensors")
    kept, untrained = load_file(file), lesson(base).trained
    assert kept.keys() == untrained.keys()
    for part in ("lora_", "connectors.user.", "connectors.item."):
        assert any(part in name and not torch.equal(kept[name], untrained[name]) for name in kept), part


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(base: Path, tmp_path: Path) -> None:
    interrupted(base, tmp_path, 3)
    [found] = tmp_path.glob("*/checkpoint-2")
    (found.parent / "checkpoint-4").mkdir()
    (found.parent / "checkpoint-4" / "trainable.safetensors").write_bytes(b"half")
    rest = lesson(base)
    rest.train(tmp_path)
    assert min(step for values, step in rest.logs if "loss" in values) == 3


def test_a_checkpoint_with_spare_or_missing_tensors_is_refused(base: Path, tmp_path: Path) -> None:
    interrupted(base, tmp_path, 3)
    [path] = tmp_path.glob("*/checkpoint-2/trainable.safetensors")
    weights = load_file(path)
    spare = weights | {"spare": torch.ones(2)}
    missing = {name: weights[name] for name in list(weights)[1:]}
    for damaged, reason in ((spare, "has 1 unexpected tensors"), (missing, "lacks 1 of")):
        save_file(damaged, path)
        with pytest.raises(InputError, match=f"checkpoint-2: the checkpoint {reason}.*; delete"):
            lesson(base).train(tmp_path)


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(base: Path, tmp_path: Path) -> None:
    interrupted(base, tmp_path, 3, "align.learning_rate=0.5")
    made = lesson(base)
    made.train(tmp_path)
    assert min(step for values, step in made.logs if "loss" in values) == 1
    fresh = lesson(base)
    fresh.train(tmp_path / "fresh")
    assert equal(made.trained, fresh.trained)


def test_what_was_killed_goes_on_the_next_day_also_where_the_template_asks_for_the_date(
    base: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    dated = tmp_path / "dated.jinja"
    dated.write_text(DATED)
    interrupted(base, tmp_path / "cut", 3, f"llm.chat_template={dated}")
    request.getfixturevalue("another_day")
    rest = lesson(base, "both", None, f"llm.chat_template={dated}")
    rest.train(tmp_path / "cut")
    assert min(step for values, step in rest.logs if "loss" in values) == 3


def test_it_learns_and_tells_its_curves(base: Path, tmp_path: Path) -> None:
    made = lesson(base, "both", None, "align.epochs={behaviour: 1, intention: 1, both: 12}")
    report = made.train(tmp_path)
    losses = [values["loss"] for values, _ in made.logs if "loss" in values]
    n_rows = len(losses) // 12  # of one pass; single rows differ too much to be compared
    assert np.mean(losses[-n_rows:]) < 0.8 * np.mean(losses[:n_rows])
    assert [step for values, step in made.logs if "loss" in values] == list(range(1, len(losses) + 1))
    assert report["n_examples"] == len(made.encoded)
    assert report["n_tokens"] == sum(map(len, made.encoded)) > report["n_packed_tokens"]
    assert report["row_fill"] <= 1 and report["train_seconds"] >= 0


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_rate_rises_for_the_share_of_the_steps_that_is_asked_for(base: Path, tmp_path: Path, share: float) -> None:
    made = lesson(base, "both", None, f"align.warmup={share}")
    made.train(tmp_path)
    rates = np.array([values["learning_rate"] for values, _ in made.logs if "loss" in values])
    n_rising = math.ceil(share * len(rates))
    assert len(rates) > n_rising + 1
    np.testing.assert_allclose(rates[n_rising], made.align.learning_rate)
    np.testing.assert_allclose(rates[:n_rising], made.align.learning_rate * np.arange(n_rising) / max(1, n_rising))
    assert (np.diff(rates[n_rising:]) < 0).all()


def test_connectors_and_adapter_have_rates_of_their_own(base: Path, tmp_path: Path) -> None:
    made = lesson(base)
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[], learning_rate=0.5)
    align = replace(made.align, connector_learning_rate=0.25)
    trainer = AlignmentTrainer(made.explainer, arguments, [], align, made.vectors)
    groups = trainer.create_optimizer().param_groups
    counts = {group["lr"]: sum(p.numel() for p in group["params"]) for group in groups}
    n_connectors = sum(p.numel() for n, p in made.explainer.named_parameters() if n.startswith("connectors."))
    assert counts == {0.25: n_connectors, 0.5: sum(p.numel() for p in made.trained.values()) - n_connectors}


def test_the_loss_is_the_weighted_cross_entropy_of_every_example_alone(base: Path, tmp_path: Path) -> None:
    """Packing, shared prefixes and slots change nothing in the loss."""
    made = lesson(base)
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    trainer = AlignmentTrainer(made.explainer, arguments, [], made.align, made.vectors)
    trees = share_prefixes(made.encoded, made.align.row_tokens)
    rows = pack(trees, made.align.row_tokens, np.random.default_rng(0))
    made.explainer.eval()
    with torch.no_grad():
        packed = sum(float(trainer.compute_loss(made.explainer, collate([trees[n] for n in row]))) for row in rows)
        alone = 0.0
        for one in made.encoded:
            ids, users, items = (
                torch.from_numpy(t[None]).long() for t in (one.input_ids, one.user_slots, one.item_slots)
            )
            places = torch.from_numpy(np.flatnonzero(one.targets != IGNORED))
            logits = made.explainer(ids, users, items, places=places, user_vectors=made.vectors)[0]
            targets = torch.from_numpy(one.targets)[places].long()
            losses = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
            alone += one.weight * float(losses) / one.n_targets**0.5
    assert packed == pytest.approx(alone, rel=1e-4)
