"""`optimus dataset`: what a person types and reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "dataset"))

from made_up import data_set
from test_edit import labelled

from optimus_nodes.cli.main import main


def optimus(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `optimus dataset WORDS`."""
    with pytest.raises(SystemExit) as ended:
        main(["dataset", *map(str, words)])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_help_lists_every_sub_command_with_a_line(capsys):
    code, out, _ = optimus(capsys, "--help")
    assert code == 0
    assert "Usage: optimus dataset" in out
    for name in ("info", "check", "merge", "split", "export", "view"):
        assert f"  {name} " in out


def test_info_tells_what_is_in_a_data_set(tmp_path, capsys):
    root = labelled(tmp_path / "d", (True, False, None))
    code, out, _ = optimus(capsys, "info", root)
    assert code == 0
    for text in ("small", "3, 15 frames at 10 fps", "0 min 1.5 s", "1 success, 1 failure, 1 unknown", "2 of 3"):
        assert text in out
    assert "head 64x48, wrist 32x32" in out
    assert "3 x wave and go home" in out
    code, out, _ = optimus(capsys, "info", root, "--json")
    report = json.loads(out)
    assert (report["episodes"], report["frames"], report["duration"]) == (3, 15, 1.5)
    assert report["tasks"] == {"wave": 3, "go home": 3}
    assert report["bytes"] > 10_000


def test_check_ends_with_1_when_something_is_damaged_and_names_it(tmp_path, capsys):
    root = data_set(tmp_path / "d")
    assert optimus(capsys, "check", root) == (0, f"{root}: whole\n", "")
    path = root / "data/chunk-000/file-000.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    code, out, _ = optimus(capsys, "check", root)
    assert code == 1
    for text in ("data/chunk-000/file-000.parquet\n  got  ", "expected  ", "to do     restore it", ": 1 damaged"):
        assert text in out
    code, out, err = optimus(capsys, "check", root, "--json", "--deep")
    assert (code, err) == (1, "")
    assert json.loads(out)[0]["file"] == "data/chunk-000/file-000.parquet"


def test_data_sets_are_joined_divided_and_exported(tmp_path, capsys):
    labelled(tmp_path / "a", (True, False, None))
    data_set(tmp_path / "b", (4, 5))
    at = tmp_path
    assert optimus(capsys, "merge", at / "a", at / "b", "--out", at / "m")[:2] == (
        0,
        f"wrote {at / 'm'}: 5 episodes of 2 data sets\n",
    )
    code, out, _ = optimus(capsys, "split", at / "m", at / "x", at / "y", "--fractions", "0.6,0.4", "--seed", "1")
    assert (code, out) == (0, f"wrote {at / 'x'}: 3 of 5 episodes\nwrote {at / 'y'}: 2 of 5 episodes\n")
    assert (
        optimus(capsys, "split", at / "m", at / "s", "--where", "success")[1] == f"wrote {at / 's'}: 3 of 5 episodes\n"
    )
    code, out, _ = optimus(capsys, "split", at / "m", at / "p", at / "q", "--episodes", "0-1,4")
    assert "p: 3 of 5" in out and "q: 2 of 5" in out
    assert optimus(capsys, "export", at / "m", at / "g")[:2] == (0, f"wrote {at / 'g'}\n")
    assert json.loads((at / "g/meta/modality.json").read_text())["state"] == {"all": {"start": 0, "end": 3}}
    for name in "mxyspq":
        assert optimus(capsys, "check", at / name)[0] == 0


def test_view_writes_pages_and_says_what_to_open(tmp_path, capsys):
    root = data_set(tmp_path / "d")
    code, out, _ = optimus(capsys, "view", root, "--episode", 1)
    assert code == 0
    assert out.startswith("open file:///") and out.strip().endswith("index.html")
    assert (root / "view/episode-000001.html").exists()
    assert optimus(capsys, "check", root)[0] == 0


def test_mistakes_are_one_line_that_says_what_to_do(tmp_path, capsys):
    root = data_set(tmp_path / "d")
    for words, text in (
        (("info", tmp_path), "is no data set: it has no meta/info.json"),
        (("split", root, tmp_path / "x"), "give exactly one of --fractions, --episodes and --where"),
        (("split", root, tmp_path / "x", "--fractions", "0.5,0.5"), "2 parts need as many different new folders; got"),
        (("split", root, tmp_path / "x", "--fractions", "a"), "--fractions 'a' must be numbers with commas between"),
        (("export", root, tmp_path / "x", "--format", "zarr"), "there is no format 'zarr'; give one of gr00t"),
        (("merge", root, root, "--out", tmp_path / "x"), "the same data set is named twice"),
    ):
        code, out, err = optimus(capsys, *words)
        assert (code, out) == (2, ""), words
        assert err.startswith("optimus dataset: ") and text in err
    assert not (tmp_path / "x").exists()
