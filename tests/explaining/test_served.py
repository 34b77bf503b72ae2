from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recexplainer import store
from recexplainer.core import environment
from recexplainer.core.contents import content_sha256
from recexplainer.data.examples import Example
from recexplainer.llm import decoding
from recexplainer.prompting.prompts import PromptWriter
from recexplainer.serving.fields import MAX_HISTORY
from recexplainer.serving.guard import MAX_ROWS
from recexplainer.tasks.interest_classification import EXPLAIN, NAME
from recexplainer.tasks.rendering import fit_prompt
from recexplainer.tracking import registry, runs
from tests import tiny
from tests.conftest import REPOSITORY
from tests.serving.server import Server, mlflow_server

pytestmark = pytest.mark.slow
N_THREADS, N_REQUESTS, N_BAD = 8, 60, 200
HISTORIES = [[3, 5, 8, 1, 2, 9], [4], [12, 7], [1, 1, 6], [10, 11, 2, 3], [9, 8]]
ROW = {"history": [3, 5, 8], "item_id": 6}


def log_explainer(base: Path) -> str:
    """Log the tiny explainer in the working folder's tracking store; its model id."""
    tiny.explainer(base, "both").save(Path("model"))
    store.write_catalogue(tiny.catalogue().frame, Path("model") / store.CATALOGUE.name)
    with runs.open_run("align", tiny.settings()):
        return registry.log_model_folder(Path("model"), "explainer-both", "demo")


def test_the_logged_model_answers_as_the_explainer_does_without_pickle(base: Path, project: Path) -> None:
    import mlflow

    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    model_id = log_explainer(base)
    served, explainer = mlflow.pyfunc.load_model(f"models:/{model_id}"), tiny.explainer(base, "both")
    asked = pd.DataFrame({"history": [[3, 5, 8, 1, 2, 9], [4]], "item_id": [6, 7]})
    found = served.predict(asked, params={"max_new_tokens": 3})
    assert list(found.columns)[:3] == ["verdict", "p_yes", "text"]

    examples = [
        Example(NAME, "", "", vector_row=row, history=history[-4:], items=[item], aspect=EXPLAIN)
        for row, (history, item) in enumerate(zip(asked["history"], asked["item_id"], strict=True))
    ]
    writer = PromptWriter(tiny.catalogue(), 1)
    prompts = [fit_prompt(explainer.encoder, writer, example, "both", 999) for example in examples]
    expected = decoding.p_yes(explainer, prompts, 999, tiny.mf().user_vectors(list(asked["history"])))
    assert np.allclose(found["p_yes"], expected, atol=1e-5) and abs(expected[0] - expected[1]) > 1e-4
    assert found["verdict"].tolist() == ["Yes" if p >= 0.5 else "No" for p in expected]
    for row in found.to_dict("records"):
        assert row["text_by"] == ("template" if row["defects"] else "both")
        assert row["defects"] or row["text"].startswith(row["verdict"])
    assert not [path for path in Path("mlruns").rglob("*") if path.suffix in (".pkl", ".pickle")]

    for history, item, message in (
        (
            [3, 99],
            6,
            "history in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got 99",
        ),
        ([3], 0, "item_id in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got 0"),
        ([], 6, "history in row 1: expected 1 to 10000 items, got 0"),
    ):
        with pytest.raises(mlflow.exceptions.MlflowException, match=message) as caught:
            served.predict(pd.DataFrame({"history": [history], "item_id": [item]}))
        assert caught.value.error_code == "INVALID_PARAMETER_VALUE" and caught.value.get_http_status_code() == 400
    assert len(served.predict(asked[:0])) == 0  # as Spark may ask

    tables = [pd.DataFrame([{"history": history, "item_id": 6}]) for history in HISTORIES]

    def ask(number: int) -> Any:
        return served.predict(tables[number % len(tables)], params={"max_new_tokens": 3}).to_dict("records")

    alone = [ask(number) for number in range(len(tables))]
    assert len({row["p_yes"] for [row] in alone}) == len(tables)
    with ThreadPoolExecutor(N_THREADS) as threads:
        together = list(threads.map(ask, range(N_THREADS * N_REQUESTS)))
    assert together == [alone[number % len(tables)] for number in range(N_THREADS * N_REQUESTS)]


def test_any_name_of_an_item_gives_the_same_answer(base: Path, project: Path) -> None:
    import mlflow

    model_id = log_explainer(base)
    served = mlflow.pyfunc.load_model(f"models:/{model_id}")
    names = [
        ([3, 5, 8], 6),
        (["B3", "raw:B5", "id:8"], "B6"),
        (["title:rust; bone; glory", "B5", 8], "title:Slot <item> Machine"),
    ]
    answers = [
        served.predict(pd.DataFrame([{"history": history, field: item}]), params={"max_new_tokens": 8}).to_dict(
            "records"
        )
        for history, item in names
        for field in ("item", "item_id")
    ]
    assert answers == [answers[0]] * 6
    [answer] = answers[0]
    assert answer["item"] == {"id": 6, "raw_id": "B6", "title": "Slot <item> Machine"}
    assert answer["evidence"] and {reason["raw_id"] for reason in answer["evidence"]} <= {"B3", "B5", "B8"}
    assert answer["model"]["name"] is None and answer["model"]["content"] == content_sha256(Path("model"))

    asked = [{"history": [3, 5, 8]}, {"history": ["B4"]}]
    best = served.predict(pd.DataFrame(asked), params={"max_new_tokens": 8, "top_k": 3}).to_dict("records")
    assert [row["row"] for row in best] == [1, 1, 1, 2, 2, 2] and [row["rank"] for row in best] == [1, 2, 3] * 2
    alone = served.predict(
        pd.DataFrame([{"history": ["B4"], "item": row["item"]["raw_id"]} for row in best[3:]]),
        params={"max_new_tokens": 8},
    ).to_dict("records")
    assert [(row["verdict"], row["text"], row["rank"]) for row in alone] == [
        (row["verdict"], row["text"], row["rank"]) for row in best[3:]
    ]
    read = mlflow.models.get_model_info(f"models:/{model_id}")
    example = mlflow.pyfunc.load_model(f"models:/{model_id}").input_example
    assert read.signature is not None and read.signature.params is not None
    assert len(served.predict(example, params={"max_new_tokens": 1})) == 1


def test_a_registered_model_says_its_name_and_version(base: Path, project: Path) -> None:
    import mlflow

    model_id, name = log_explainer(base), "recexplainer-demo-explainer-both"
    mlflow.register_model(f"models:/{model_id}", name)
    served = mlflow.pyfunc.load_model(f"models:/{name}/1")
    [answer] = served.predict(pd.DataFrame([ROW]), params={"max_new_tokens": 1}).to_dict("records")
    assert answer["model"] == {"name": name, "version": "1", "content": content_sha256(Path("model"))}


@pytest.fixture(scope="module")
def server(base: Path, database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`mlflow models serve` of a logged explainer."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "mlflow.db").write_bytes(database.read_bytes())
    (folder / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    before = Path.cwd()
    os.chdir(folder)
    try:
        model_id, uri = log_explainer(base), environment.tracking_uri()
    finally:
        os.chdir(before)
    with mlflow_server(f"models:/{model_id}", folder, uri) as running:
        yield running


@pytest.mark.timeout(600)
def test_eight_clients_at_once_get_the_answers_of_one(server: Server) -> None:
    bodies = [
        {"dataframe_records": [{"history": history, "item_id": 6}], "params": {"max_new_tokens": 3}}
        for history in HISTORIES
    ]
    alone = [server.ask(body) for body in bodies]
    assert [status for status, _ in alone] == [200] * len(bodies) and len({text for _, text in alone}) == len(bodies)
    with ThreadPoolExecutor(N_THREADS) as threads:
        together = list(
            threads.map(lambda number: server.ask(bodies[number % len(bodies)]), range(N_THREADS * N_REQUESTS))
        )
    assert together == [alone[number % len(bodies)] for number in range(N_THREADS * N_REQUESTS)]


def test_a_request_in_each_of_mlflows_formats_is_answered_the_same(server: Server) -> None:
    rows = [ROW, {"history": [4, 2, 1], "item_id": 7}]
    columns = {name: [row[name] for row in rows] for name in ROW}
    split = {"columns": list(ROW), "data": [list(row.values()) for row in rows]}
    bodies = [{"dataframe_records": rows}, {"dataframe_split": split}, {"inputs": rows}, {"inputs": columns},
              {"instances": rows}]  # fmt: skip
    answers = [server.ask(body | {"params": {"max_new_tokens": 2}}) for body in bodies]
    assert answers == [answers[0]] * len(bodies) and answers[0][0] == 200
    whole = server.ask({"dataframe_records": [{"history": [3, 5.0, 8], "item_id": 6.0}, rows[1]], "params": None})
    assert whole[0] == 200


BAD_ROWS: list[tuple[Any, str]] = [
    (
        {"history": [3], "item_id": 5.7},
        "item_id in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got 5.7",
    ),
    (
        {"history": [3], "item_id": True},
        "item_id in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got true",
    ),
    (
        {"history": [3], "item_id": "5"},
        "item_id in row 1: the catalogue has no item with the raw id '5'; the catalogue's id is written as a number, "
        "or id:5",
    ),
    ({"history": [3], "item_id": None}, "row 1: names no item: give item, or params.top_k"),
    ({"history": [3], "item": 5, "item_id": 5}, "row 1: give item or item_id, not both"),
    ({"history": ["B3", "B99"], "item": 5}, "history in row 1: the catalogue has no item with the raw id 'B99'"),
    (
        {"history": ["B3", "title:Rusty"], "item": 5},
        "history in row 1: no item has the title 'Rusty'; did you mean 'Rust'?",
    ),
    (
        {"history": ["B3"], "item": "title:\ud800"},
        "the body is not valid JSON: it contains half of a surrogate pair, which is not a character",
    ),
    (
        {"history": [3], "item_id": 10**30},
        "item_id in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, "
        "got a number of more than 15 digits",
    ),
    ({"history": [3]}, "row 1: names no item: give item, or params.top_k"),
    ({"history": [], "item_id": 5}, "history in row 1: expected 1 to 10000 items, got 0"),
    ({"history": 3, "item_id": 5}, "history in row 1: expected a list of items, got 3"),
    (
        {"history": [3, True], "item_id": 5},
        "history in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got true",
    ),
    (
        {"history": [3, 2.5], "item_id": 5},
        "history in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got 2.5",
    ),
    (
        {"history": [[3]], "item_id": 5},
        "history in row 1: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got a list",
    ),
    ({"history": [3] * (MAX_HISTORY + 1), "item_id": 5}, "history in row 1: expected 1 to 10000 items, got 10001"),
]
BAD_PARAMS: list[tuple[Any, str]] = [
    *[
        ({"max_new_tokens": value}, f"params.max_new_tokens: expected a whole number from 1 to 512, got {shown}")
        for value, shown in ((None, "null"), (0, "0"), (-1, "-1"), (10**9, "1000000000"), (2.5, "2.5"), (True, "true"),
                             ("8", "'8'"), ([8], "a list"))
    ],
    ({"max_tokens": 8}, "params: 'max_tokens' is unknown; did you mean 'max_new_tokens'?"),
    ({"focus": "two\nlines"}, "params.focus: expected words on one line, at most 80 characters, got 'two\\nlines'"),
    ({"focus": 5}, "params.focus: expected words on one line, at most 80 characters, got 5"),
    ({"audience": "boss"}, "params.audience: expected one of end_user, developer, auditor, got 'boss'"),
    ({"max_sentences": 0}, "params.max_sentences: expected a whole number from 1 to 20, got 0"),
    ({"top_k": 51}, "params.top_k: expected a whole number from 1 to 50, got 51"),
    ({"top_k": 1}, "row 1: names an item, but params.top_k asks for the best ones: give one of the two"),
    ([8], "params: expected an object of names and values"),
]  # fmt: skip


def refusal(answer: tuple[int, str]) -> str:
    """The one sentence of a refused request."""
    status, text = answer
    body = json.loads(text)
    assert status == 400 and body["error_code"] == "INVALID_PARAMETER_VALUE", answer
    assert set(body) <= {"error_code", "message", "sqlstate", "error_class"}
    assert "\n" not in body["message"] and not tells_of_the_server(text), text
    return str(body["message"])


def tells_of_the_server(text: str) -> list[str]:
    """What of its stack or its files stands in an answer."""
    return [
        word for word in ("Traceback", 'File "', "site-packages", sys.prefix, "/tmp", "recexplainer") if word in text
    ]


def test_a_bad_request_is_one_sentence_with_status_400(server: Server) -> None:
    for row, message in BAD_ROWS:
        assert refusal(server.ask({"dataframe_records": [row]})) == message
    for params, message in BAD_PARAMS:
        assert refusal(server.ask({"dataframe_records": [ROW], "params": params})) == message
    bodies: list[tuple[Any, str]] = [
        ({"dataframe_records": [ROW] * (MAX_ROWS + 1)}, "dataframe_records: expected 1 to 64 rows, got 65"),
        ({"dataframe_records": []}, "dataframe_records: expected 1 to 64 rows, got 0"),
        ({"dataframe_records": [ROW], "parms": {}}, "the body: 'parms' is unknown; did you mean 'params'?"),
        ({"params": {}}, "the body must contain its rows exactly once, as dataframe_records"),
        ({"dataframe_records": [ROW, ROW | {"item_id": 1.5}]},
         "item_id in row 2: expected a whole number from 1 to 12, or a raw id or title:<title> as text, got 1.5"),
    ]  # fmt: skip
    for body, message in bodies:
        assert refusal(server.ask(body)) == message
    assert refusal(server.send(b"[1]")).startswith("the body must be a JSON object")
    assert refusal(server.send(b'{"dataframe_records": [')).startswith("the body is not valid JSON: Expecting value")
    assert refusal(server.send(b"\xff\xfe{")).startswith("the body is not valid JSON")
    assert "too deeply" in refusal(server.send(b'{"inputs": ' + b"[" * 100_000))
    assert refusal(server.send(b"{}", None)) == "the request has no Content-Type: send application/json"
    assert "send application/json" in server.send(b"history,item_id\n3,5", "text/csv")[1]
    assert refusal(server.send(b"PAR1 junk", "application/vnd.apache.parquet"))


NUMBERS = st.one_of(st.integers(-3, 20), st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=5))
VALUES = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)
NAMES = st.builds(
    lambda kind, rest: kind + rest,
    st.sampled_from(["", "raw:", "id:", "title:", "Title:"]),
    st.sampled_from(["B3", "5", "Rust", "fox", *tiny.TITLES]) | st.text(max_size=5),
)
LISTS = st.lists(st.integers(-1, 14) | NAMES | NUMBERS, max_size=4)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "history": LISTS | VALUES,
        "item_id": st.integers(0, 13) | VALUES,
        "item": NAMES | VALUES,
        "user": VALUES,
    },
)
TABLES = st.one_of(
    st.lists(ROWS | VALUES, max_size=3),
    st.fixed_dictionaries({"columns": st.lists(st.sampled_from(list(ROW)), max_size=3), "data": st.lists(LISTS)}),
    st.dictionaries(st.sampled_from(list(ROW)), st.lists(VALUES, max_size=2)),
    VALUES,
)
OPTIONS = (
    st.dictionaries(
        st.sampled_from(["max_new_tokens", "k", "focus", "audience", "max_sentences", "top_k"]) | st.text(max_size=4),
        st.integers(1, 9) | st.sampled_from(["genre", "auditor"]) | VALUES,
        max_size=2,
    )
    | VALUES
)
FORMATS = st.sampled_from(["dataframe_records", "dataframe_split", "inputs", "instances", "prompt", "messages"])
BODIES = st.one_of(
    st.builds(lambda name, table: {name: table}, FORMATS, TABLES),
    st.builds(lambda name, table, params: {name: table, "params": params}, FORMATS, TABLES, OPTIONS),
    st.builds(lambda params: {"dataframe_records": [ROW], "params": params}, OPTIONS),
    VALUES,
).map(lambda body: json.dumps(body).encode())
TYPES = st.sampled_from(
    ["application/json"] * 8 + [None, "text/csv", "application/vnd.apache.parquet", "x", "a/b; c=d"]
)


@pytest.mark.timeout(600)
def test_no_bad_request_breaks_the_server_or_learns_of_its_files(server: Server) -> None:
    statuses: list[int] = []

    @settings(max_examples=N_BAD + 100, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(body=BODIES | st.binary(max_size=40), content_type=TYPES)
    def ask(body: bytes, content_type: str | None) -> None:
        status, text = server.send(body, content_type)
        statuses.append(status)
        assert status in (200, 400, 415), (status, text)
        assert status == 200 or not tells_of_the_server(text), text

    ask()
    assert sum(status != 200 for status in statuses) >= N_BAD
    assert server.ask({"dataframe_records": [ROW], "params": {"max_new_tokens": 1}})[0] == 200
