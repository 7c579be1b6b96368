"""Writes docs/promises.md: what is promised, the latest figure, the tests behind it, how to measure it again.

    python bench/promises.py            writes it
    python bench/promises.py --check    ends with 1 when it is out of date

Promises are in docs/promises.yaml; a test belongs to one by `@pytest.mark.promise("P3")` or the module's `pytestmark`.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PAGE = ROOT / "docs/promises.yaml", ROOT / "docs/promises.md"
TITLE = """# Promises

What this stack promises, the latest measurement, and the tests that fail when it no longer holds. Made by
`python bench/promises.py` from [promises.yaml](promises.yaml) and the tests marked with a promise: don't edit it.
No standard is claimed to be met.

| | promise | figure | latest measurement | measured by | tests |
|---|---|---|---|---|---|
"""


def marks(tree: ast.AST) -> Iterator[str]:
    """Ids in every pytest.mark.promise(...) below `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise":
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def tests_of(path: Path) -> Iterator[str]:
    """The promises of each test function of a file, once for each test."""
    module = ast.parse(path.read_text())
    everywhere = [
        name
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        for name in marks(node)
    ]
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            own = [name for decorator in node.decorator_list for name in marks(decorator)]
            yield from {*everywhere, *own}


def found() -> dict[str, Counter[str]]:
    """Promise -> file -> number of its tests."""
    tests: dict[str, Counter[str]] = {}
    for path in sorted((ROOT / "test").rglob("test_*.py")):
        for name in tests_of(path):
            tests.setdefault(name, Counter())[str(path.relative_to(ROOT))] += 1
    return tests


def page() -> str:
    """The whole page. Raises SystemExit on a promise without a test and a test of no promise."""
    promises: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text())
    tests = found()
    known = [promise["id"] for promise in promises]
    if odd := sorted(set(tests) - set(known)):
        raise SystemExit(f"tests are marked with {odd[0]!r}, which is not in {SOURCE.name}; it has {', '.join(known)}")
    if bare := [name for name in known if name not in tests]:
        raise SystemExit(f"no test is marked with {bare[0]!r} of {SOURCE.name}")
    lines = []
    for promise in promises:
        files = ", ".join(f"{count} in [{path}](../{path})" for path, count in tests[promise["id"]].items())
        said = (promise[key] for key in ("id", "promise", "figure", "measured"))
        cells = (*said, f"`{promise['how']}`", files)
        lines.append(f"| {' | '.join(cells)} |\n")
    return TITLE + "".join(lines)


def main() -> int:
    """Write or check."""
    text = page()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
