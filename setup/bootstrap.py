"""Make all a job needs, then do the job: `python3 setup/bootstrap.py demo|test|lint|env|env-train|… [options]`.

Standard library only. The environment is `.venv` in the project's folder (`.venv-lerobot` beside it for LeRobot);
what was done is stamped there, so an interrupted set-up goes on where it stopped and a finished one costs a tenth of
a second.
"""

# Only what Python 3.6 can read stands in this file: it is the one that tells an old Python so.
# ruff: noqa: UP031
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = ("demo", "test", "test-lerobot", "test-gazebo", "lint")
JOBS += ("env", "env-train", "env-llm", "env-voice", "env-lerobot")
OLDEST, NEWEST = (3, 10), (3, 13)


def main(words):
    """Set up for the job words[0] and replace this process by it. Returns an exit code when it cannot."""
    if not words or words[0] not in JOBS:
        print("usage: bootstrap.py %s [options of the job]" % "|".join(JOBS), file=sys.stderr)
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:  # before the imports below, which an old Python cannot read
        print(wrong_python(words[0]), file=sys.stderr)
        return 2
    from jobs import run_job
    from problems import SetupProblem

    try:
        return run_job(ROOT, words[0], words[1:])
    except SetupProblem as problem:
        print("set-up: %s" % problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nset-up: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130


def wrong_python(job):
    """One line for a Python the wheels do not exist for, with another one when the machine has it."""
    here = ".".join(str(part) for part in sys.version_info[:3])
    line = "set-up: this is Python %s, and ROS 2 comes as wheels for Python 3.10 to 3.13 only. Mend it with: " % here
    for minor in (12, 11, 13, 10):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            if os.access(os.path.join(folder, "python3.%d" % minor), os.X_OK):
                return line + "make %s PYTHON=python3.%d" % (job, minor)
    return line + "sudo apt-get install -y python3 python3-venv python3-dev"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
