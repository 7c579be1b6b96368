"""Torch for training: always a CPU build, which has no hash in the lock files (see requirements/torch.txt)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from libraries import pip
from problems import SetupProblem
from progress import CommandFailed, Progress

if TYPE_CHECKING:
    from stages import Environment

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OPTIONS = ("--no-input", "--no-deps", "--no-compile")
CUDA_SIGNS = ("nvidia-", "cuda-", "triton")


def install_torch(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Install torch from where pip is set up to look, when that is a CPU build, else from PyTorch's CPU index."""
    wanted = read_requirement(home.root / "requirements" / "torch.txt")
    if not configured_index_is_cpu(home, progress, wanted):
        try:
            pip(home, progress, ["install", *OPTIONS, "--index-url", CPU_INDEX, wanted], "torch")
        except SetupProblem as problem:
            raise SetupProblem(
                f"no CPU build of {wanted} for this Python: pip's index offers none without CUDA, and {CPU_INDEX} "
                f"did not give one (see {home.log('torch')})",
                "PIP_FIND_LINKS=<folder with a CPU wheel of torch> and the same command again, "
                "or a network that reaches that index; `make demo` needs no torch",
            ) from problem
    else:
        pip(home, progress, ["install", *OPTIONS, wanted], "torch")
    check_cpu_build(home, progress)


def read_requirement(file: Path) -> str:
    """The one requirement line of `file`, for example torch==2.13.0."""
    lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    return next(line for line in lines if line)


def configured_index_is_cpu(home: Environment, progress: Progress, wanted: str) -> bool:
    """Whether a plain `pip install` of `wanted` would bring no part of CUDA with it. Nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = ["install", "--no-input", "--dry-run", "--quiet", "--report", str(report), wanted]
        try:
            pip(home, progress, words, "torch")
        except SetupProblem:
            return False
        return not cuda_parts(json.loads(report.read_text()))


def cuda_parts(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """The libraries of CUDA among those a pip report would install."""
    names = [entry["metadata"]["name"].lower() for entry in report.get("install", [])]
    return sorted(name for name in names if name.startswith(CUDA_SIGNS))


def check_cpu_build(home: Environment, progress: Progress) -> None:
    """Take torch out again when it turns out to be a CUDA build after all."""
    code = "import torch; print('cuda', torch.version.cuda)"
    try:
        output = progress.run([str(home.python), "-c", code], home.log("torch"), home.variables())
    except CommandFailed as error:
        raise SetupProblem(f"torch was installed but does not start (see {error.log})", f"less {error.log}") from error
    if "cuda None" not in output:
        pip(home, progress, ["uninstall", "--yes", "torch"], "torch")
        raise SetupProblem(
            f"pip installed a CUDA build of torch ({output.strip()}), which was taken out again",
            "PIP_CONFIG_FILE=/dev/null make env-train   (pip without the settings of this machine)",
        )
