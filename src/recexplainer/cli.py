"""The one command, `recexplainer`: every stage under its own name, and what is done by hand around them.

A stage's module is imported when its command is used, so that ``--help`` and completion need neither torch nor MLflow.
"""

from __future__ import annotations

import ast
import importlib
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from recexplainer.core.errors import InputError
from recexplainer.core.settings import PARAMS_FILE, SOURCES, load_settings
from recexplainer.core.settings.command_line import HELP_NAMES, Assignments, AssignmentText, ParamsFile, run_command

PIPELINE = (
    "generate_demo", "prepare", "train_recommender", "register_recommender", "build_alignment", "audit",
    "adapt_llm", "draft_explanations", "align", "register", "evaluate_alignment", "evaluate_baselines", "explain",
    "judge", "faithfulness", "compare_faithfulness", "discriminate", "register_discriminators", "report",
)  # fmt: skip
OTHER_STAGES = ("explain_users", "export_prompts")
IN_ORDER, ASKING, MODELS, PROJECT = "Pipeline, in order", "Explanations and judgements", "Models", "Project"
NOT_LAZY = ("explain", "judge")  # commands below that do more than their stage


class Stage(TyperCommand):
    """A stage's command, whose module is imported when it is used."""

    def __init__(self, name: str, panel: str) -> None:
        super().__init__(name=name, help=first_line(name), rich_help_panel=panel)

    def loaded(self) -> TyperCommand:
        """The command that the stage's module builds."""
        command = importlib.import_module(f"recexplainer.stages.{self.name}").main.command
        assert isinstance(command, TyperCommand)
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the stage's arguments."""
        return self.loaded().make_context(*args, **kwargs)

    def get_params(self, ctx: Any) -> Any:
        """The stage's options."""
        return self.loaded().get_params(ctx)


class Commands(TyperGroup):
    """Lists the stages in the order of the pipeline; takes `-` for `_` in their names."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        panels = dict.fromkeys(PIPELINE, IN_ORDER) | dict.fromkeys(OTHER_STAGES, ASKING)
        stages = {name: Stage(name, panel) for name, panel in panels.items() if name not in NOT_LAZY}
        given = dict(self.commands)
        order = ["run", *PIPELINE, *OTHER_STAGES, *given]
        self.commands = {name: given.get(name) or stages[name] for name in dict.fromkeys(order)}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name."""
        return super().get_command(ctx, cmd_name.replace("-", "_"))


def first_line(stage: str) -> str:
    """What a stage does: the first line of its module's docstring, read without importing it."""
    tree = ast.parse((Path(__file__).parent / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or stage).splitlines()[0]


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Align a language model to a recommender, and let it explain the recommender's decisions.",
    context_settings=HELP_NAMES,
)
ratings = typer.Typer(
    no_args_is_help=True, help="Export and import rating sheets, and measure how far raters and judges agree."
)
recommenders = typer.Typer(no_args_is_help=True, help="Compare trained recommenders.")
app.add_typer(ratings, name="ratings", rich_help_panel=ASKING)
app.add_typer(recommenders, name="recommenders", rich_help_panel=MODELS)


def main() -> int:
    """Run the command with the arguments of the process."""
    return run()


def run(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 2 for bad input (one line on stderr), 130 when interrupted."""
    return run_command(typer.main.get_command(app), argv, "recexplainer")


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)


# --- the pipeline ------------------------------------------------------------------------------------------------


@app.command("run", rich_help_panel=IN_ORDER)
def run_pipeline(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages to run, such as align@both (default: all).")
    ] = None,
    named: Annotated[str, typer.Option("--targets", help="The same as one string, separated by spaces.")] = "",
) -> None:
    """Run the whole pipeline, or some stages and everything they depend on, under one parent run."""
    from recexplainer.stages.main import run_targets

    _end(run_targets([*(targets or []), *named.split()]))


app.command("main", hidden=True)(run_pipeline)  # its name as an entry point


# --- explanations and judgements ---------------------------------------------------------------------------------


@app.command(rich_help_panel=IN_ORDER)
def explain(
    source: Annotated[str, typer.Option(help=f"Source of the explanations: {', '.join(SOURCES)}.")] = "both",
    user: Annotated[list[str] | None, typer.Option(help="User to explain, as id or raw:<id> (repeatable).")] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="Item to explain, as id, raw:<id>, title:<title> or top (repeatable).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --user: print JSON objects instead of cards.")] = False,
    assignments: Assignments = [],  # noqa: B006  (typer copies it)
    text: AssignmentText = "",
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Explain the recommender's decisions about test users, or about the users given with --user."""
    if (item or as_json) and not user:
        raise InputError(f"{'--item' if item else '--json'} needs --user")
    given = ["--source", source, *_parameters(assignments, text, params)]
    if not user:
        from recexplainer.stages.explain import main as stage
    else:
        from recexplainer.stages.explain_users import main as stage

        given += ["--users", _quoted(user), "--items", _quoted(item or ["top"])]
        given += ["--json"] if as_json else []
    _end(stage(given))


@app.command("explain_table", rich_help_panel=ASKING)
def explain_rows(
    questions: Annotated[
        Path, typer.Argument(help="Parquet file, or a folder of them, with columns history and item (or item_id).")
    ],
    answers: Annotated[Path, typer.Argument(help="Folder of Parquet files to write.")],
    spark: Annotated[str, typer.Option(metavar="MASTER", help="Spark's master, such as local[4] or yarn.")],
    model: Annotated[
        str | None, typer.Option(help="Registered explainer, models:/NAME@ALIAS (default: explainer-both).")
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows that are explained and written together.", min=1)] = 1000,
    assignments: Assignments = [],  # noqa: B006
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Explain the rows of a Parquet table on Spark; a second run resumes with the parts that are missing."""
    from recexplainer.explaining.table import explain_table
    from recexplainer.tracking.registry import registered_name

    settings = load_settings(params, assignments)
    address = model or f"models:/{registered_name(settings.dataset.name, 'explainer-both')}@{settings.registry.alias}"
    n_explained, n_parts = explain_table(questions, answers, spark, address, settings.explain, rows)
    print(f"{n_explained} of {n_parts} parts were missing and are explained: {answers}")


@app.command("app", rich_help_panel=ASKING)
def live_page(
    alias: Annotated[str | None, typer.Option(help="Alias of the explainers (default: registry.alias).")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default admits this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501,
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Open the live page: pick a user, ask why, and try what changes the recommender's mind."""
    from recexplainer.app.launch import launch

    launch(params, alias, host, port)


judge = typer.Typer(invoke_without_command=True, help="Judge the explanations of a source, or compare two sources.")
app.add_typer(judge, name="judge", rich_help_panel=IN_ORDER)


@judge.callback()
def judge_source(
    context: typer.Context,
    source: Annotated[str, typer.Option(help=f"Source of the explanations: {', '.join(SOURCES)}.")] = "both",
    assignments: Assignments = [],  # noqa: B006
    text: AssignmentText = "",
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Judge the explanations of one source, or compare two sources."""
    if context.invoked_subcommand is None:
        from recexplainer.stages.judge import main as stage

        _end(stage(["--source", source, *_parameters(assignments, text, params)]))


@judge.command("compare")
def judge_compare(
    first: Annotated[str, typer.Argument(help=f"First source: {', '.join(SOURCES)}.")],
    second: Annotated[str, typer.Argument(help="Second source.")],
    assignments: Assignments = [],  # noqa: B006
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Compare the explanations of two sources pair by pair; a language model judges each pair in both orders."""
    from recexplainer.judging.compare import compare_by_judge, figures_in_words

    for source in (first, second):
        if source not in SOURCES:
            raise InputError(f"{source!r} is not a source; known: {', '.join(SOURCES)}")
    print("\n".join(figures_in_words(compare_by_judge(load_settings(params, assignments), first, second))))


@ratings.command("export")
def ratings_export(
    sources: Annotated[
        list[str] | None, typer.Option("--source", help="Source of the texts (repeatable; default: all).")
    ] = None,
    n_cases: Annotated[int | None, typer.Option(help="Number of cases (default: all).")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Sheet to write.")] = None,
    assignments: Assignments = [],  # noqa: B006
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Write a blind sheet for raters, and its key next to it."""
    from recexplainer.judging.sheet import export_sheet

    print("\n".join(export_sheet(sheet, sources, load_settings(params, assignments).run.seed, n_cases)))


@ratings.command("import")
def ratings_import(
    filled: Annotated[list[Path], typer.Argument(help="Completed sheets, each named after its rater.")],
    sheet: Annotated[Path | None, typer.Option(help="Sheet that was exported.")] = None,
) -> None:
    """Read completed sheets."""
    from recexplainer.judging.sheet import import_sheets

    print("\n".join(import_sheets(filled, sheet)))


@ratings.command("agree")
def ratings_agree(assignments: Assignments = [], params: ParamsFile = PARAMS_FILE) -> None:  # noqa: B006
    """Measure how far people (sheets, feedback in MLflow), judge and rubric agree."""
    from recexplainer.judging.agree import agree

    print("\n".join(agree(load_settings(params, assignments))))


# --- models ------------------------------------------------------------------------------------------------------


@app.command(rich_help_panel=MODELS)
def promote(
    role: Annotated[str, typer.Option(help="Role of the model, such as explainer-both or recommender-sasrec.")],
    to: Annotated[str, typer.Option(help="Alias to move, such as staging.")],
    source: Annotated[str, typer.Option("--from", help="Alias to take the version from.")] = "candidate",
    why: Annotated[str, typer.Option(help="Reason, stored with the version.")] = "",
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Move a registry alias to the version of another alias if the gates in params.yaml pass."""
    from recexplainer.stages.promote import promote_role

    _end(promote_role(load_settings(params), role, source, to, why))


@app.command(rich_help_panel=MODELS)
def merge(
    folder: Annotated[Path, typer.Argument(help="Explainer folder, such as models/explainer-both.")],
    out: Annotated[Path, typer.Argument(help="Model folder to create.")],
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(help="Type of the weights (default: the base LLM's)."),
    ] = None,
) -> None:
    """Merge an explainer's adapter into its LLM and write plain weights."""
    from recexplainer.llm.merge import DTYPES, merge

    merge(folder, out, DTYPES[dtype] if dtype else None)
    print(out)


@recommenders.command("compare")
def recommenders_compare(
    a: Annotated[Path, typer.Argument(help="per_user.parquet of the first run.")],
    b: Annotated[Path, typer.Argument(help="per_user.parquet of the second run, or the same file.")],
    first: Annotated[str | None, typer.Option(help="Recommender in A (default: the trained one).")] = None,
    second: Annotated[str | None, typer.Option(help="Recommender in B (default: the trained one).")] = None,
    part: Annotated[str, typer.Option(help="Part to compare on: test or valid.")] = "test",
    assignments: Assignments = [],  # noqa: B006
    params: ParamsFile = PARAMS_FILE,
) -> None:
    """Print the paired differences of two recommenders on the same users, A minus B."""
    from recexplainer.recommenders.compare import compare_files

    table = compare_files(a, b, load_settings(params, assignments).run.seed, (first, second), part)
    print(table.to_string(index=False, float_format="{:.4f}".format))


# --- the project -------------------------------------------------------------------------------------------------


@app.command(rich_help_panel=PROJECT)
def preset(
    name: Annotated[
        str, typer.Argument(help="Name of a file in params/, without its suffix (default: list all).")
    ] = "",
    raw: Annotated[str, typer.Argument(help="Folder of the raw files.")] = "",
) -> None:
    """Merge a preset of params/ into params.yaml, keeping its comments."""
    from recexplainer.store.presets import preset_names, use_preset

    if name or raw:
        use_preset(name, raw)
    else:
        print("\n".join(preset_names()))


@app.command(rich_help_panel=PROJECT)
def init(
    file: Annotated[Path, typer.Argument(help="Table of interactions: csv, tsv, jsonl or parquet.")],
    items: Annotated[
        Path | None, typer.Option(help="Table of items (default: searched for next to the first table).")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Column of users. Columns that are not named are guessed.")] = None,
    item: Annotated[str | None, typer.Option(help="Column of items.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times; none if there is none.")] = None,
    order: Annotated[str | None, typer.Option(help="Column of positions, instead of times.")] = None,
    rating: Annotated[str | None, typer.Option(help="Column of ratings; none if there is none.")] = None,
    item_key: Annotated[str | None, typer.Option(help="Column of item ids in the table of items.")] = None,
    title: Annotated[str | None, typer.Option(help="Column of titles.")] = None,
    brand: Annotated[
        str | None, typer.Option(help="Column of brands, authors or makers; none if there is none.")
    ] = None,
    categories: Annotated[
        str | None, typer.Option(help="Column of categories or genres; none if there is none.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="Column of descriptions; none if there is none.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the data set (default: from the file's name).")] = None,
    noun: Annotated[
        str | None, typer.Option(help="Noun for an item in the singular, such as film (default: guessed).")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes that a run may take (default: run.minutes).", min=1)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the guesses without asking.")] = False,
) -> None:
    """Write params.yaml for your own table: guess its columns and fit the sizes to a budget of minutes."""
    from recexplainer.own_data import initialise, is_asked

    given = {
        "user": user, "item": item, "time": time, "order": order, "rating": rating, "item_key": item_key,
        "title": title, "brand": brand, "categories": categories, "description": description,
    }  # fmt: skip
    print("\n".join(initialise(file, items, given, name, noun, minutes, is_asked() and not yes)))


@app.command(rich_help_panel=PROJECT)
def doctor(params: ParamsFile = PARAMS_FILE) -> None:
    """Check the environment, the stores and the models in params.yaml, with one line for each."""
    from recexplainer.doctor import examine

    findings = examine(params)
    for finding in findings:
        print(finding)
    _end(int(any(finding.is_wrong for finding in findings)))


def _quoted(names: list[str]) -> str:
    """Names of users or items as one text; a raw id or a title may hold a comma, which parts other names."""
    return " ".join("'" + name.replace("'", "'\"'\"'") + "'" if ":" in name else shlex.quote(name) for name in names)


def _parameters(assignments: list[str], text: str, params: Path) -> list[str]:
    given = [word for assignment in assignments for word in ("-S", assignment)]
    return [*given, *(["--set", text] if text else []), "--params", str(params)]
