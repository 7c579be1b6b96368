"""Sentences on disk, for evaluation: JSON lines with the task, its arguments and the sentence that asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .language import SLOT_VALUES, SLOTS, Instruction, all_instructions, heldout_wordings, wordings
from .tasks_suite import BENCH_TASKS, task_of

KEYS = ("task", "arguments", "sentence")
_TASKS = {task: fixed["skill"] for task, fixed in BENCH_TASKS.items()}
_IMPLIED = {task: {k: v for k, v in fixed.items() if k != "skill"} for task, fixed in BENCH_TASKS.items()}


def read_wordings(path: Path | str) -> list[tuple[str, Instruction, str]]:
    """Every (task, instruction, sentence) of a file of JSON lines such as
    {"task": "place_left", "arguments": {"colour": "red"}, "sentence": "pop the red one in the left bin"}.

    What the task's name says already (the bin, the station) may be left out of the arguments.
    Raises: ConfigError naming file, line and field.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error} (--wordings)") from error
    found = [_row(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise ConfigError(f"{path} holds no sentences; each line must be a JSON object with {', '.join(KEYS)}")
    return found


def write_wordings(path: Path | str, rows: Iterable[tuple[Instruction, str]]) -> int:
    """Write (instruction, sentence) as a file that `read_wordings` reads. Returns the number of lines."""
    lines = []
    for one, sentence in rows:
        arguments = {slot: getattr(one, slot) for slot in SLOT_VALUES if getattr(one, slot)}
        lines.append(json.dumps({"task": task_of(one), "arguments": arguments, "sentence": sentence}))
    Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return len(lines)


def heldout_rows(kind: str = "", each: int = 0) -> Iterator[tuple[Instruction, str]]:
    """Every instruction with its held-out sentences (`each`: at most so many, spread evenly), for `write_wordings`."""
    yield from _rows(lambda one: heldout_wordings(one, kind), each)


def training_rows(each: int = 0) -> Iterator[tuple[Instruction, str]]:
    """The same with the wordings of training."""
    yield from _rows(wordings, each)


def _rows(sentences_of: Any, each: int) -> Iterator[tuple[Instruction, str]]:
    for one in all_instructions(tuple(SLOTS)):
        sentences = sentences_of(one)
        count = min(each or len(sentences), len(sentences))
        for number in range(count):
            yield one, sentences[number * len(sentences) // count]


def _row(line: str, where: str) -> tuple[str, Instruction, str]:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where} is not JSON: {error}") from error
    if not isinstance(raw, dict) or set(raw) != set(KEYS):
        got = ", ".join(map(str, raw)) if isinstance(raw, dict) else type(raw).__name__
        raise ConfigError(f"{where} has {got or 'nothing'}; it must be an object with {', '.join(KEYS)}")
    task, arguments, sentence = (raw[key] for key in KEYS)
    if task not in _TASKS:
        raise ConfigError(f"{where}: task is {task!r}; the tasks are {', '.join(_TASKS)}")
    if not isinstance(sentence, str) or not sentence.strip():
        raise ConfigError(f"{where}: sentence is {sentence!r}; it must be text")
    if not isinstance(arguments, dict):
        raise ConfigError(f"{where}: arguments is {arguments!r}; it must be an object such as {{}}")
    for name, value in arguments.items():
        if name not in SLOT_VALUES:
            raise ConfigError(f"{where}: arguments has {name!r}; allowed: {', '.join(SLOT_VALUES)}")
        if value not in SLOT_VALUES[name]:
            raise ConfigError(f"{where}: arguments.{name} is {value!r}; allowed: {', '.join(SLOT_VALUES[name])}")
        if value != _IMPLIED.get(task, {}).get(name, value):
            raise ConfigError(f"{where}: arguments.{name} is {value!r}, but task {task} says otherwise")
    try:
        instruction = Instruction(_TASKS[task], **{**_IMPLIED.get(task, {}), **arguments})
    except ConfigError as error:
        raise ConfigError(f"{where}: arguments of task {task}: {error}") from error
    if task_of(instruction) != task:
        raise ConfigError(f"{where}: arguments are those of {task_of(instruction)}, not of task {task}")
    return task, instruction, sentence
