"""A stranger's table: `recexplainer init`, and the first stages on what it wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recexplainer import cli, own_data, store
from recexplainer.core.settings import load_settings
from recexplainer.llm.base_model import chosen_base
from recexplainer.stages import main as pipeline
from tests.conftest import REPOSITORY

WORDS = ("River", "Stone", "Winter", "Garden", "Letter", "Harbour", "Silence", "Orchard")
SHELVES = ("Crime", "Poetry", "Travel", "History")


@pytest.fixture
def library(project: Path) -> Path:
    """Loans of a library: 60 readers, 32 volumes, and words of its own for everything."""
    folder = project / "city library"
    folder.mkdir()
    rng = np.random.default_rng(0)
    volumes = [f"The {a} of {b}" for a in WORDS[:4] for b in WORDS]
    shelves = [f"{SHELVES[n % 4]}|{SHELVES[(n + 1) % 4]}" for n in range(32)]
    frame = pd.DataFrame({"call_no": [f"Q{n:03}" for n in range(32)], "heading": volumes, "shelf": shelves})
    frame.assign(writer="A. Nonymous").to_csv(folder / "volumes.csv", sep=";", index=False)
    loans = [
        {"reader": f"r{user}", "volume": f"Q{item:03}", "borrowed_on": f"2024-{1 + place // 28:02}-{1 + place % 28:02}"}
        for user in range(60)
        for place, item in enumerate(rng.permutation(32)[:10])
    ]
    pd.DataFrame(loans).to_csv(folder / "loans.csv", index=False)
    return folder


def test_a_strangers_table_is_understood(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", str(library / "loans.csv"), "--noun", "book", "--minutes", "30"]) == 0
    dataset = load_settings().dataset
    columns = dataset.columns
    assert (dataset.name, dataset.format, dataset.item_noun) == ("loans", "table", "book")
    assert (dataset.interactions_file, dataset.items_file) == ("loans.csv", "volumes.csv")
    assert (columns.user, columns.item, columns.time, columns.item_key) == (
        "reader",
        "volume",
        "borrowed_on",
        "call_no",
    )
    assert (columns.title, columns.categories, columns.brand) == ("heading", "shelf", "writer")
    assert columns.rating is columns.order is columns.description is None
    assert load_settings().run.minutes == 30 and "  # " in Path("params.yaml").read_text()
    said = capsys.readouterr().out
    assert "600 rows, 60 users, 32 items (book)" in said and "for 30 minutes" in said


def test_ids_are_not_taken_for_titles(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (library / "volumes.csv").unlink()
    pd.read_csv(library / "loans.csv").assign(volume=[f"Q{n}" for n in range(600)]).rename(
        columns={"volume": "x"}
    ).to_csv(library / "loans.csv", index=False)
    assert cli.run(["init", str(library / "loans.csv"), "--item", "x"]) == 2
    assert "no column looks like the item's title" in capsys.readouterr().err


@pytest.mark.parametrize(("minutes", "takes"), [("1", 9), ("30", 10)])
def test_it_says_how_long_the_run_takes_also_where_the_budget_is_too_small(
    library: Path, capsys: pytest.CaptureFixture[str], minutes: str, takes: int
) -> None:
    assert cli.run(["init", str(library / "loans.csv"), "--minutes", minutes]) == 0
    assert f"; about {takes} minutes on two cores" in capsys.readouterr().out


def test_flags_go_before_guesses(library: Path) -> None:
    given = ["--title", "writer", "--categories", "none", "--name", "mine", "--items", str(library / "volumes.csv")]
    assert cli.run(["init", str(library / "loans.csv"), *given]) == 0
    dataset = load_settings().dataset
    assert (dataset.columns.title, dataset.columns.categories, dataset.name) == ("writer", None, "mine")


def test_a_person_is_asked_and_may_say_otherwise(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str, default: str) -> str:
        asked.append(question)
        return "none" if "brand" in question else default

    monkeypatch.setattr(own_data, "is_asked", lambda: True)
    monkeypatch.setattr(own_data.typer, "prompt", answer)
    assert cli.run(["init", str(library / "loans.csv"), "--user", "reader"]) == 0
    columns = load_settings().dataset.columns
    assert columns.brand is None and columns.title == "heading"
    assert len(asked) == 9 and not [question for question in asked if "(user)" in question]


def test_low_ratings_are_no_likes_and_the_output_says_so(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans = pd.read_csv(library / "loans.csv")
    loans.assign(stars=[1 + n % 5 for n in range(600)], shop="x").to_csv(library / "loans.csv", index=False)
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    assert load_settings().prepare.min_rating == 3
    said = capsys.readouterr().out
    assert "those from 3 are kept as likes, 360 of 600 rows" in said and "unused: shop;" in said
    assert cli.run(["init", str(library / "loans.csv"), "--rating", "none"]) == 0
    assert load_settings().prepare.min_rating == 0


def test_ratings_that_many_rows_lack_are_not_used(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans = pd.read_csv(library / "loans.csv")
    loans.assign(stars=[5 if n % 2 else None for n in range(600)]).to_csv(library / "loans.csv", index=False)
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    assert load_settings().dataset.columns.rating is None and load_settings().prepare.min_rating == 0
    assert "300 of 600 rows have none in column 'stars'" in capsys.readouterr().out
    assert cli.run(["init", str(library / "loans.csv"), "--rating", "stars"]) == 2
    assert "fill it, or give --rating none" in capsys.readouterr().err
    loans.assign(stars=[5 if n > 9 else None for n in range(600)]).to_csv(library / "loans.csv", index=False)
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    assert load_settings().dataset.columns.rating == "stars"  # prepare bears ten bad lines


def test_times_that_prepare_does_not_read_are_refused(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans = pd.read_csv(library / "loans.csv").assign(position=[n % 10 for n in range(600)])
    loans.assign(borrowed_on="28.11.2020").to_csv(library / "loans.csv", index=False)
    for given in (["--order", "none"], ["--time", "borrowed_on"]):
        assert cli.run(["init", str(library / "loans.csv"), *given]) == 2
        assert "column 'borrowed_on' holds 28.11.2020; times are numbers, or ISO dates" in capsys.readouterr().err
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    columns = load_settings().dataset.columns
    assert (columns.order, columns.user) == ("position", "reader")


def test_a_table_without_categories_and_brands_is_told_so(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", str(library / "loans.csv"), "--categories", "none"]) == 0
    assert "titles only" not in capsys.readouterr().out
    assert cli.run(["init", str(library / "loans.csv"), "--categories", "none", "--brand", "none"]) == 0
    assert "the texts can name titles only" in capsys.readouterr().out


def test_a_position_gives_the_order_where_no_time_does(library: Path) -> None:
    loans = pd.read_csv(library / "loans.csv").assign(position=[n % 10 for n in range(600)])
    loans.to_csv(library / "loans.csv", index=False)
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    assert load_settings().dataset.columns.order is None
    assert cli.run(["init", str(library / "loans.csv"), "--time", "none"]) == 0
    assert load_settings().dataset.columns.order == "position"
    loans.drop(columns="borrowed_on").to_csv(library / "loans.csv", index=False)
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    assert load_settings().dataset.columns.order == "position"


def test_lines_of_params_yaml_that_stay_are_not_laid_out_anew(library: Path) -> None:
    before = Path("params.yaml").read_text()
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    gates = before[before.index("promote:") :]
    assert gates in Path("params.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv"], "error: nothing.csv: no such file"),
        (["loans.csv", "--user", "raeder"], "has no column 'raeder'; did you mean 'reader'?"),
        (
            ["loans.csv", "--time", "none"],
            "no column gives the order of the rows; name one with --time (numbers, or ISO",
        ),
        (["loans.csv", "--rating", "reader"], "column 'reader' contains no numbers; name another one with --rating"),
        (["numbers.csv"], "no column looks like"),
    ],
)
def test_what_cannot_be_guessed_is_one_line_and_writes_nothing(
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    before = Path("params.yaml").read_bytes()
    pd.DataFrame({"x": range(9), "y": range(9)}).to_csv(library / "numbers.csv", index=False)
    if "numbers" in arguments[0]:
        (library / "volumes.csv").unlink()
    path = library / arguments[0]
    given = str(path) if path.exists() else arguments[0]
    assert cli.run(["init", given, *arguments[1:]]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert Path("params.yaml").read_bytes() == before


def test_a_table_in_the_projects_root_is_copied_into_a_folder_that_dvc_can_watch(library: Path) -> None:
    for table in library.iterdir():
        shutil.move(table, table.name)
    assert cli.run(["init", "loans.csv"]) == 0
    assert load_settings().dataset.raw == "data/raw/loans"
    assert sorted(path.name for path in Path("data/raw/loans").iterdir()) == ["loans.csv", "volumes.csv"]


def test_the_run_says_at_the_start_how_long_it_takes(library: Path) -> None:
    shutil.copytree(REPOSITORY / store.EMBEDDED_LLM, store.EMBEDDED_LLM)
    assert cli.run(["init", str(library / "loans.csv")]) == 0
    assert pipeline.estimated(load_settings()) is None  # of all users and items, which nobody has counted yet
    store.write_json(store.PREPARE_REPORT, {"dataset": "loans", "n_users": 60, "n_items": 32})
    said = pipeline.estimated(load_settings())
    assert said is not None and "60 users and 32 items" in said and "run.minutes: 60)" in said
    store.write_json(store.PREPARE_REPORT, {"dataset": "loans", "n_users": 60_000, "n_items": 3_200})
    assert "recexplainer init --minutes" in str(pipeline.estimated(load_settings()))
    assert pipeline.estimated(load_settings(overrides=["llm.base=org/other"])) is None


@pytest.mark.slow
def test_the_first_stages_run_on_what_it_wrote(library: Path) -> None:
    shutil.copytree(REPOSITORY / store.EMBEDDED_LLM, store.EMBEDDED_LLM)
    assert cli.run(["init", str(library / "loans.csv"), "--noun", "book"]) == 0
    short = [
        "-S", "train_recommender.sasrec.max_epochs=2", "-S", "adapt_llm.steps=2", "-S", "adapt_llm.rows_per_step=1",
        "-S", "adapt_llm.workers=0", "-S", "draft_explanations.n_drafts=3", "-S", "draft_explanations.max_new_tokens=8",
    ]  # fmt: skip
    for stage in ("prepare", "train_recommender", "build_alignment", "adapt_llm", "draft_explanations"):
        assert cli.run([stage, *short]) == 0, stage
    catalogue = store.read_catalogue()
    assert catalogue.n_items == 32 and catalogue.title(1).startswith("The ")
    assert set(catalogue.attributes(1)["categories"]) <= set(SHELVES)
    assert chosen_base(load_settings().llm).base == "models/llm"
    assert store.EXPLANATION_DRAFTS.is_file()
