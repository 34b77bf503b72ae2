"""What the documentation names exists: make targets, entry points, modules, settings, links."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from recexplainer import cli
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings, read_params
from recexplainer.core.settings.parsing import apply_overrides
from recexplainer.tracking import registry
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "demo_llm/README.md")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))
PARAMS = read_params(REPOSITORY / "params.yaml")
PROJECT = yaml.safe_load((REPOSITORY / "MLproject").read_text())["entry_points"]
PIPELINE = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
TARGETS = set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
LISTS = (("align", "modes"), ("evaluate_alignment", "sources"), ("explain", "sources"))
MATRIX = {f"${{{section}.{key}}}": PARAMS[section][key] for section, key in LISTS}
FILE_ENDING = re.compile(r"\.(json|jsonl|py|md|html|parquet|yaml|safetensors|jinja|gz|csv)$")
OURS = ("src/", "tests/", "docs/", "bin/", "params/", "benchmarks/", "demo_llm/recipe/")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def check(text: str, folder: Path = REPOSITORY) -> list[str]:
    """What a page in `folder` names and does not exist."""
    problems = []
    for line in commands(text):
        problems += [f"{line}: {problem}" for problem in check_command(line)]
    for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        problems += check_span(span)
    for block in (body for language, body in FENCE.findall(text) if language == "yaml"):
        problems += check_params(yaml.safe_load(block))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        if path and not (folder / path).exists():
            problems.append(f"{target}: no such file to link to")
        elif anchor and path.endswith(".md") and anchor not in anchors((folder / path).read_text()):
            problems.append(f"{target}: no such heading to link to")
    return problems


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs name them alike."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def commands(text: str) -> Iterator[str]:
    """Command lines: those of code blocks without a language, and of code in running text."""
    for language, body in FENCE.findall(text):
        if not language:
            yield from re.sub(r"\\\n\s*", "", body).splitlines()
    for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        yield from re.split(r", (?=make )", span)


def check_command(line: str) -> list[str]:
    """What a command line names and does not exist; any other program is not looked at."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    head = words[:2]
    if head[:1] == ["make"]:
        return [f"no target {word}" for word in words[1:] if "=" not in word and word not in TARGETS]
    if head == ["mlflow", "run"]:
        return check_run(words)
    if head == ["python", "-m"]:
        return check_module(words[2:])
    if head[:1] == ["recexplainer"]:
        return check_ours(words[1:])
    if head == ["accelerate", "launch"] and "-m" in words:
        return check_module(words[words.index("-m") + 1 :])
    if head == ["dvc", "repro"]:
        return [f"no stage {word}" for word in words[2:] if word[0] not in "-[" and not is_target(word)]
    if words[:3] == ["dvc", "exp", "run"]:
        return check_assignments(after(words, "-S"))
    return [] if head != ["mlflow", "models"] or "-m" not in words else check_model(words[words.index("-m") + 1])


def check_run(words: list[str]) -> list[str]:
    point = (after(words, "-e") or ["main"])[0]
    if point not in PROJECT:
        return [f"no entry point {point}"]
    problems = []
    for assignment in after(words, "-P"):
        name, _, value = assignment.partition("=")
        if name not in PROJECT[point]["parameters"]:
            problems.append(f"{point} has no parameter {name}")
        elif name == "targets":
            problems += [f"no stage {word}" for word in value.split() if not is_target(word)]
        elif name == "set" and not value.startswith("section."):
            problems += check_assignments(value.split())
        elif name == "role":
            problems += check_role(value)
    return problems


def check_module(words: list[str]) -> list[str]:
    if words[:1] == ["recexplainer"]:
        return check_ours(words[1:])
    return [f"{words[0]}: say `recexplainer <command>`"] if words and words[0].startswith("recexplainer.") else []


def check_ours(words: list[str]) -> list[str]:
    """What a command line of `recexplainer` names and does not exist."""
    command: Any = typer.main.get_command(cli.app)
    while words and re.fullmatch(r"[a-z][\w-]*", words[0]) and hasattr(command, "commands"):
        command, word, words = command.get_command(None, words[0]), words[0], words[1:]
        if command is None:
            return [f"no command {word}"]
    context = typer.Context(command, help_option_names=["-h", "--help"])
    known = {option for parameter in command.get_params(context) for option in parameter.opts}
    unknown = [word for word in words if re.match("--?[A-Za-z]", word) and word not in known]
    problems = [f"no option {word}" for word in unknown]
    for role in after(words, "--role"):
        problems += check_role(role)
    return problems + check_assignments(after(words, "-S"))


def check_assignments(assignments: list[str]) -> list[str]:
    try:
        apply_overrides(Settings, PARAMS, [a for a in assignments if not a.startswith("section.")])
    except InputError as error:
        return [str(error)]
    return []


def check_model(uri: str) -> list[str]:
    found = re.fullmatch(r"models:/recexplainer-demo-([\w-]+)@\w+", uri)
    return check_role(found.group(1)) if found else [f"{uri}: is no model of the demo under an alias"]


def check_role(role: str) -> list[str]:
    try:
        registry.registered_name("demo", role)
    except InputError as error:
        return [str(error)]
    return []


def check_span(span: str) -> list[str]:
    """A setting's name, or a path of ours, in running text."""
    if span.startswith(OURS) and not re.search(r"[<*… ]", span) and not (REPOSITORY / span).exists():
        return [f"{span}: no such file"]
    name = span.partition(":")[0]
    section = name.partition(".")[0]
    if not re.fullmatch(r"\w+(\.\w+)+", name) or section not in PARAMS or FILE_ENDING.search(name):
        return []
    values: Any = PARAMS
    for key in name.split("."):
        if not isinstance(values, dict) or (values and key not in values):
            return [f"no parameter {name}"]
        values = values.get(key)
    return []


def check_params(values: Any, known: Any = None, at: str = "") -> list[str]:
    """Keys of a YAML example that params.yaml does not have."""
    known = PARAMS if known is None else known
    if not isinstance(values, dict) or not isinstance(known, dict):
        return []
    problems = [f"no parameter {at}{key}" for key in values if known and key not in known]
    return problems + [
        problem
        for key, value in values.items()
        if key in known
        for problem in check_params(value, known[key], f"{at}{key}.")
    ]


def is_target(word: str) -> bool:
    """Whether a word is a stage, or `stage@item` of its matrix."""
    stage, at, item = word.partition("@")
    matrix = next(iter(PIPELINE.get(stage, {}).get("matrix", {}).values()), None)
    return stage in PIPELINE and (not at or item in MATRIX.get(matrix, []))


def after(words: list[str], option: str) -> list[str]:
    """The words that follow each use of an option."""
    return [value for name, value in zip(words, words[1:], strict=False) if name == option]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_what_a_page_names_exists(page: Path) -> None:
    assert check(page.read_text(), page.parent) == []


@pytest.mark.parametrize(
    "text",
    [
        "`make demonstration`",
        "`make demo`, `make proof`",
        "```\nmlflow run . -e aline -P mode=both\n```",
        "```\nmlflow run . -e align -P source=both\n```",
        '```\nmlflow run . -e align -P set="align.lora.rank=4"\n```',
        '```\nmlflow run . -P targets="align@all"\n```',
        "`recexplainer alignment`",
        "`python -m recexplainer.stages.align --mode both`",
        "```\nrecexplainer align --source both\n```",
        "`recexplainer align --mode both -S align.loraa.r=4`",
        "`recexplainer ratings exports`",
        "`accelerate launch --num_processes 2 -m recexplainer align --modes both`",
        "`dvc repro judge@all`",
        "```\ndvc exp run -S llm.bases=x \\\n    -S align.lora.r=4\n```",
        "`mlflow models serve -m models:/recexplainer-demo-explain-both@candidate`",
        "the parameter `align.lora.rank` or so",
        "`src/recexplainer/nothing.py`",
        "```yaml\nalign:\n  lora: {rank: 4}\n```",
        "[gone](docs/gone.md)",
        "[gone](docs/reference/metrics.md#gone)",
        "![gone](docs/img/gone.png)",
    ],
)
def test_what_does_not_exist_is_found(text: str) -> None:
    assert len(check(text)) == 1


def test_what_is_right_is_left_alone() -> None:
    assert check("`make demo PORT=5001`, `report.json`, `align.weights.next_item_retrieval`") == []
    assert check("`dvc repro [stage[@mode]]`, `dvc repro -f -s judge@both`, [x](README.md#quick-start)") == []


def test_the_served_examples_fit_the_model() -> None:
    source = (REPOSITORY / "src/recexplainer/explaining/served.py").read_text()
    inputs = source[source.index("Schema(") : source.index('"verdict"')]
    fields, parameters = re.findall(r'ColSpec\(.*?, "(\w+)"', inputs), re.findall(r'ParamSpec\("(\w+)"', source)
    page = (REPOSITORY / "docs/how-to/serve.md").read_text()
    requests = [json.loads(request) for request in re.findall(r"'(\{\"dataframe_records.*\})'", page)]
    assert len(requests) >= 2
    for request in requests:
        assert all(set(row) <= set(fields) for row in request["dataframe_records"])
        assert set(request.get("params", {})) <= set(parameters)
    assert [name for name in (*fields, *parameters) if f"`{name}`" not in page] == []
