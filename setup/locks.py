"""Write the lock files anew from requirements/*.in: `make locks`. Needs the environment and the network.

One resolution covers Python 3.10 to 3.13; every lock is then cut out of it, so that they agree with each other.
`sourced.lock` is for machines with ROS 2 Jazzy sourced, whose messages are built against the system's numpy 1.
`python setup/locks.py --keep` changes only what new lines in requirements/*.in ask for.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "requirements"
LOCKS = ("ros", "base", "test", "train", "llm", "voice", "installer")


def main() -> int:
    """Resolve once, then write every lock. Returns an exit code."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    upgrade = [] if "--keep" in sys.argv else ["--upgrade"]
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "everything.txt"
        if "--keep" in sys.argv:  # the versions that stand there are preferred
            locks = [FOLDER / f"{name}.lock" for name in LOCKS]
            everything.write_text("\n".join(lock.read_text() for lock in locks if lock.exists()))
        inputs = [str(FOLDER / f"{name}.in") for name in LOCKS]
        compile_lock(everything, [*inputs, *upgrade, "--universal", "--python-version", "3.10"])
        for name in LOCKS:
            words = [str(FOLDER / f"{name}.in"), "--constraint", str(everything)]
            compile_lock(FOLDER / f"{name}.lock", [*words, *upgrade, "--universal", "--python-version", "3.10"])
        old_numpy = Path(folder) / "numpy.txt"
        old_numpy.write_text("numpy<2\n")
        words = [str(FOLDER / "base.in"), "--override", str(old_numpy), *upgrade]
        compile_lock(FOLDER / "sourced.lock", [*words, "--universal", "--python-version", "3.10"])
    return 0


def compile_lock(output: Path, words: list[str]) -> None:
    """Run `uv pip compile` into `output`, with hashes and without the machine's own settings."""
    uv = str(Path(sys.executable).with_name("uv"))
    common = ["--no-config", "--quiet", "--generate-hashes", "--no-annotate", "--no-header", "--emit-build-options"]
    command = [uv, "pip", "compile", *common, *words, "--output-file", str(output)]
    subprocess.run(command, check=True)
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.exit(main())
