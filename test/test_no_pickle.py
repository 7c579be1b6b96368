"""What is loaded is data: nothing here unpickles or runs what it reads from a file or from the network."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "optimus_nodes"
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"eval", "exec", "compile", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.jit.load"}

pytestmark = pytest.mark.promise("P20")


def dangers(source: str) -> Iterator[str]:
    """What in `source` could run what it reads, as "line: what"."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in MODULES:
                yield f"{node.lineno}: import of {name}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            unsafe = called in CALLS
            unsafe |= called == "torch.load" and given.get("weights_only") != "True"
            unsafe |= called in ("np.load", "numpy.load") and given.get("allow_pickle", "False") != "False"
            if unsafe:
                yield f"{node.lineno}: {called}"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_module_loads_data_only(path: Path) -> None:
    assert not list(dangers(path.read_text()))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.Loader)",
        "eval(text)",
    ],
)
def test_the_check_finds(source: str) -> None:
    assert list(dangers(source))


def test_the_check_lets_pass_what_is_safe() -> None:
    assert not list(dangers("torch.load(path, weights_only=True)\nnp.load(path)\nyaml.safe_load(text)\nre.compile(x)"))
