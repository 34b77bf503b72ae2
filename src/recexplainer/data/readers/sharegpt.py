"""General dialogues from ShareGPT JSON: a list of ``{"id", "conversations": [{"from", "value"}, …]}``."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recexplainer.core.errors import InputError

_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
}
_SYSTEM = "system"


@dataclass
class DialogueReport:
    """What became of a ShareGPT file's entries: how many were bad (with examples), and how many were changed.

    ``n_trimmed`` entries began with an answer or ended with a question, which was cut off; in
    ``n_with_system`` entries a system turn became the beginning of the user's first turn.
    """

    n_read: int = 0
    n_bad: int = 0
    n_trimmed: int = 0
    n_with_system: int = 0
    bad_examples: list[str] = field(default_factory=list)


def find_dialogues(folder: Path, name: str | None) -> Path | None:
    """The dialogue file, None where the data set has none.

    A plain name is looked for in the data set's folder, and not finding it there means that there are none;
    a path with a folder in it must exist.

    Raises:
        InputError: when such a path is not a file.
    """
    if name is None:
        return None
    for path in (folder / name, Path(name)):
        if path.is_file():
            return path
    if len(Path(name).parts) > 1:
        raise InputError(f"{name}: no such file; correct dataset.dialogues_file, or set it to null to go without")
    return None


def read_dialogues(path: Path) -> tuple[list[dict[str, Any]], DialogueReport]:
    """Dialogues of alternating turns, each beginning with the user and ending with the assistant.

    Returns:
        ``{"id": str, "turns": [{"role": "user"|"assistant", "content": str}, …]}`` per usable entry, ids
        being unique, and the report on the others.

    Raises:
        InputError: when the file cannot be read, is malformed, or holds no usable entry.
    """
    entries = _load(path)
    report, dialogues, seen = DialogueReport(n_read=len(entries)), [], set[str]()
    for number, entry in enumerate(entries, start=1):
        try:
            turns = _turns(entry, report)
        except ValueError as error:
            report.n_bad += 1
            if len(report.bad_examples) < 5:
                report.bad_examples.append(f"entry {number}: {error}")
            continue
        name = str(entry.get("id") or number)
        name = name if name not in seen else f"{name}-{number}"
        seen.add(name)
        dialogues.append({"id": name, "turns": turns})
    if entries and not dialogues:
        raise InputError(f"{path}: no entry can be used as a dialogue; {report.bad_examples[0]}")
    return dialogues, report


def _load(path: Path) -> list[Any]:
    try:
        raw = path.read_bytes()
        entries = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: malformed JSON ({error.msg})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: broken gzip ({error}); fetch the file again") from error
    except (OSError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if not isinstance(entries, list):
        raise InputError(f"{path}: expected a ShareGPT file, a JSON list of entries with 'conversations'")
    return entries


def _turns(entry: Any, report: DialogueReport) -> list[dict[str, str]]:
    """The usable turns of one entry.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("conversations"), list):
        raise ValueError("'conversations' is missing or not a list")
    system, turns = [], []
    for raw in entry["conversations"]:
        role, content = _turn(raw)
        if role == _SYSTEM:
            system.append(content)
        else:
            turns.append({"role": role, "content": content})
    n_raw = len(turns)
    if turns and turns[0]["role"] == "assistant":
        turns = turns[1:]
    if turns and turns[-1]["role"] == "user":
        turns = turns[:-1]
    if not turns:
        raise ValueError("no question with an answer")
    if any(turn["role"] != ("user", "assistant")[position % 2] for position, turn in enumerate(turns)):
        raise ValueError("turns do not alternate between human and gpt")
    if system:
        turns[0] = {"role": "user", "content": "\n\n".join([*system, turns[0]["content"]])}
    report.n_trimmed += len(turns) < n_raw
    report.n_with_system += bool(system)
    return turns


def _turn(raw: Any) -> tuple[str, str]:
    if not isinstance(raw, dict) or not isinstance(raw.get("value"), str):
        raise ValueError("a turn without the text 'value'")
    sender = raw.get("from")
    role = _SYSTEM if sender == _SYSTEM else _ROLES.get(str(sender))
    if role is None:
        raise ValueError(f"unknown sender {sender!r}")
    content = raw["value"].strip().encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not content:
        raise ValueError("an empty turn")
    return role, content
