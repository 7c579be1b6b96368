"""The set-up: what it says when something is missing, how it resumes, and that its lock files lock."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BOOTSTRAP = ROOT / "setup" / "bootstrap.py"
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with only what the set-up reads; no environment in it."""
    for name in ("setup", "requirements", "msg", "srv", "action", "package.xml", "CMakeLists.txt", "setup.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "setup").unlink()
    (tmp_path / "setup").mkdir()
    for file in (ROOT / "setup").glob("*.py"):
        (tmp_path / "setup" / file.name).write_text(file.read_text())
    return tmp_path


def bootstrap(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up in `folder` with nothing of this process's environment but what is given."""
    base = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    command = [base_python(), "-S", str(folder / "setup" / "bootstrap.py"), *words]
    return subprocess.run(command, env={**base, **variables}, capture_output=True, text=True, timeout=100)


def base_python() -> str:
    """The Python that the environment was made of, as `make` would call it."""
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def python(folder: Path, code: str) -> str:
    """What `code` prints when it runs beside the modules of the set-up."""
    command = [base_python(), "-S", "-c", code]
    run = subprocess.run(command, cwd=folder / "setup", capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_without_a_compiler_one_line_names_the_command_that_installs_it(clone: Path) -> None:
    tools = clone / "tools"
    tools.mkdir()
    (tools / "apt-get").write_text("#!/bin/sh\n")
    (tools / "apt-get").chmod(0o755)
    run = bootstrap(clone, "env", PATH=str(tools))
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert "lacks a C++ compiler" in run.stderr
    assert re.search(r"sudo apt-get install -y .*build-essential", run.stderr)
    assert not (clone / ".venv").exists()


def test_without_egl_the_line_names_its_packages(clone: Path) -> None:
    code = "import machine; machine._loads = lambda name: False; print(machine.missing_parts('/usr/bin'))"
    assert "libegl1 libopengl0 libgl1-mesa-dri" in python(clone, code)


def test_without_network_the_line_says_so_and_the_set_up_goes_on_later(clone: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "1"}
    run = bootstrap(clone, "env", **nowhere)
    assert run.returncode == 2
    assert "the Python package index cannot be reached" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "virtual environment: done" in run.stdout
    again = bootstrap(clone, "env", **nowhere)
    assert "4 of 5 stages to do" in again.stdout
    assert "virtual environment" not in again.stdout.split("stages to do")[1]


def test_a_stage_killed_halfway_is_run_again_and_told_so(clone: Path) -> None:
    code = """
from pathlib import Path
from stages import Environment, Stage
from stamps import Stamps
home = Environment(Path(".."), ros="")
home.python.parent.mkdir(parents=True); home.python.touch()
stage = Stage("libraries", "", lambda *given: None, files=("requirements/*.lock",))
first = Stamps(home); first.begin(stage)                      # killed here
second = Stamps(home); missing = len(second.missing([stage])); second.begin(stage)
told = second.was_interrupted(stage); second.finish(stage)
third = Stamps(home); print(missing, told, len(third.missing([stage])))
"""
    assert python(clone, code) == "1 True 0"


def test_a_changed_lock_file_makes_what_builds_on_it_out_of_date(clone: Path) -> None:
    (clone / "requirements").unlink()
    (clone / "requirements").mkdir()
    lock = clone / "requirements" / "base.lock"
    lock.write_text("a==1\n")
    code = """
from pathlib import Path
from stages import Environment, Stage
from stamps import Stamps
home = Environment(Path(".."), ros="")
home.python.parent.mkdir(parents=True); home.python.touch()
stages = [Stage("libraries", "", lambda *given: None, files=("requirements/base.lock",)),
          Stage("messages", "", lambda *given: None, after=("libraries",))]
stamps = Stamps(home)
for stage in stages: stamps.begin(stage); stamps.finish(stage)
before = len(stamps.missing(stages))
Path("../requirements/base.lock").write_text("a==2\\n")
stamps.begin(stages[0]); stamps.finish(stages[0])
print(before, [stage.name for stage in stamps.missing(stages)])
"""
    assert python(clone, code) == "0 ['messages']"


def test_a_library_with_a_missing_file_is_installed_again(clone: Path) -> None:
    for name, files in {"whole": ("a.py",), "cut_short": ("b.py", "c.py"), "no_list": ()}.items():
        record = clone / f"{name}-1.dist-info"
        record.mkdir()
        if files:
            (record / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
    (clone / "a.py").touch()
    (clone / "b.py").touch()
    code = "from pathlib import Path; from libraries import forget_half_installed as f; print(f(Path('..')))"
    assert python(clone, code) == "['cut_short-1.dist-info', 'no_list-1.dist-info']"
    assert (clone / "whole-1.dist-info").exists()


def test_uv_looks_where_pip_is_set_up_to_look(clone: Path) -> None:
    config = clone / "pip.conf"
    config.write_text("[global]\nindex-url = https://a/simple\n[install]\nextra-index-url =\n  https://b/\n  https://c/\n")
    code = f"""
import os, sys
from pathlib import Path
from types import SimpleNamespace
from fast_pip import indices, pip_settings
variables = {{"PATH": os.defpath, "PIP_CONFIG_FILE": {str(config)!r}}}
variables |= {{"PIP_INDEX_URL": "https://d/", "PIP_NO_INDEX": "1"}}
home = SimpleNamespace(python={sys.executable!r}, variables=lambda: variables)
print(*indices(pip_settings(home)))
"""
    words = "--no-index --index-url https://d/ --extra-index-url https://b/ --extra-index-url https://c/"
    assert python(clone, code) == words


@pytest.mark.parametrize("broken", ["", "#!/bin/sh\nexit 1\n"], ids=["missing", "failing"])
def test_where_uv_fails_pip_installs_the_same_with_the_same_checks(clone: Path, broken: str) -> None:
    code = f"""
from pathlib import Path
import libraries
from progress import Progress
from stages import Environment
home = Environment(Path(".."), ros="")
home.python.parent.mkdir(parents=True); home.python.symlink_to({sys.executable!r})
if {broken!r}:
    uv = home.folder / "bin" / "uv"; uv.write_text({broken!r}); uv.chmod(0o755)
libraries.pip = lambda home, progress, words, log: print(Path(words[-1]).name, "--require-hashes" in words)
libraries.install(home, Progress("x"), False, locks=("base",))
"""
    assert python(clone, code) == "installer.lock True\nbase.lock True"


def test_a_second_set_up_in_one_folder_waits_and_says_for_whom(clone: Path) -> None:
    (clone / ".setup").mkdir()
    with (clone / ".setup" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        code = "from pathlib import Path\nfrom guard import only_one_setup\n"
        code += "with only_one_setup(Path('..')): print('mine now')"
        with subprocess.Popen([base_python(), "-c", code], cwd=clone / "setup", stdout=subprocess.PIPE) as second:
            assert second.stdout is not None
            assert b"another set-up is running" in (line := second.stdout.readline())
            assert b"process 4711" in line
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert second.stdout.readline() == b"mine now\n"


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 14, 0)])
def test_a_python_without_wheels_is_refused_in_one_line(clone: Path, version: tuple[int, ...]) -> None:
    code = f"import sys; sys.version_info = {version}; import bootstrap; sys.exit(bootstrap.main(['demo']))"
    run = subprocess.run([base_python(), "-c", code], cwd=clone / "setup", capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert "Python 3.10 to 3.13 only" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_the_environment_forgets_a_half_sourced_ros(clone: Path) -> None:
    code = """
import os; os.environ.update(AMENT_PREFIX_PATH="/opt/ros/x", PYTHONPATH="/opt/ros/x/lib")
from pathlib import Path
from stages import Environment
v = Environment(Path("/p"), ros="").variables(); s = Environment(Path("/p"), ros="jazzy").variables()
print(v["AMENT_PREFIX_PATH"], "PYTHONPATH" in v, s["AMENT_PREFIX_PATH"], s["PYTHONPATH"])
"""
    assert python(clone, code) == "/p/.venv False /p/.venv:/opt/ros/x /opt/ros/x/lib"


def test_with_ros_sourced_no_ros_wheel_is_installed(clone: Path) -> None:
    code = """
from pathlib import Path
from stages import Environment, stages_for
for ros in ("", "jazzy"):
    stages = stages_for(Environment(Path(".."), ros=ros))
    print([file for stage in stages for file in stage.files if file.endswith(".lock")])
"""
    wheels, sourced = python(clone, code).splitlines()
    assert "requirements/ros.lock" in wheels
    assert sourced == "['requirements/sourced.lock']"
    assert not re.search(r"^ros-", (ROOT / "requirements" / "sourced.lock").read_text(), re.MULTILINE)


def test_a_cuda_build_of_torch_is_recognised(clone: Path) -> None:
    code = """
from torch_build import cuda_parts
report = lambda *names: {"install": [{"metadata": {"name": name}} for name in names]}
print(cuda_parts(report("torch", "sympy")), cuda_parts(report("torch", "nvidia-cublas", "triton", "cuda-toolkit")))
"""
    assert python(clone, code) == "[] ['cuda-toolkit', 'nvidia-cublas', 'triton']"


def test_without_ffmpeg_the_environment_with_lerobot_names_its_package(clone: Path) -> None:
    code = "import machine; machine._loads = lambda name: False; print([p.apt for p in machine.missing_for_lerobot()])"
    assert python(clone, code) == "['ffmpeg']"
    code = (
        "import machine; machine._loads = lambda name: name == 'libavcodec.so.61'; print(machine.missing_for_lerobot())"
    )
    assert python(clone, code) == "[]"


def test_a_full_disk_stops_the_environment_with_lerobot_before_anything_is_downloaded(clone: Path) -> None:
    code = """
import machine, shutil, types
from pathlib import Path
from lerobot_build import LerobotEnvironment
from problems import SetupProblem
machine.missing_for_lerobot = lambda: []
shutil.disk_usage = lambda path: types.SimpleNamespace(free=9.5e9)
try: machine.check_machine(LerobotEnvironment(Path("/p")), "env-lerobot")
except SetupProblem as problem: print(problem)
"""
    assert "/p has 9.5 GB free, and the environment needs up to 12.0 GB. Mend it with: df -h" in python(clone, code)


def test_lerobot_is_installed_last_and_without_its_dependencies(clone: Path) -> None:
    code = """
from pathlib import Path
import lerobot_build
from lerobot_build import *
lerobot_build.pip = lambda home, progress, words, log: print([w for w in words if "lerobot" in w or w == "--no-deps"])
home = LerobotEnvironment(Path(".."))
print([stage.name for stage in lerobot_stages()])
for stage in lerobot_stages()[1:4]: stage.run(home, None, False)
"""
    assert python(clone, code).splitlines() == [
        "['venv', 'torch', 'libraries', 'lerobot', 'start']",
        *("[]", "[]"),
        "['--no-deps', 'lerobot==0.4.4']",
    ]


@pytest.mark.parametrize(
    ("fails", "line"),
    [
        ("torchcodec", "torchcodec cannot load FFmpeg's libraries"),
        ("lerobot", "LeRobot was installed but does not start: ImportError: no numpy"),
    ],
)
def test_what_does_not_start_after_installation_is_named(clone: Path, fails: str, line: str) -> None:
    code = f"""
from pathlib import Path
from lerobot_build import *
class Fake:
    def run(self, command, log, environment):
        if {fails!r} in command[-1]: raise CommandFailed(command, 1, "Traceback\\nImportError: no numpy\\n", log)
        return ""
try: start_lerobot(LerobotEnvironment(Path("..")), Fake(), False)
except SetupProblem as problem: print(problem)
"""
    assert line in python(clone, code)


def test_both_environments_are_removed_by_make_clean_and_ignored_by_git() -> None:
    clean = (ROOT / "Makefile").read_text().partition("\nclean:")[2]
    assert {".venv", ".venv-lerobot"} <= set(clean.split())
    assert {".venv/", ".venv-lerobot/"} <= set((ROOT / ".gitignore").read_text().split())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_library_has_one_version_and_a_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[\w+\])?==[^\s;]+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not any(entry.startswith("torch==") for entry in entries)


def test_the_locks_agree_with_each_other() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        if lock.name != "sourced.lock":
            for line in re.findall(r"^[A-Za-z0-9].*==.*", lock.read_text(), re.MULTILINE):
                name, _, rest = line.partition("==")
                marker = rest.partition(";")[2].strip(" \\")
                versions.setdefault(f"{name} {marker}", set()).add(rest.split()[0])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("version", ["310", "311", "313"])
def test_a_mended_cmake_file_names_this_environment(clone: Path, version: str) -> None:
    """The wheels of each Python name another folder; only those of 3.11 were mended at first."""
    file = clone / "share" / "std_msgs" / "cmake" / "export.cmake"
    file.parent.mkdir(parents=True)
    foreign, name = f"/opt/python/cp{version}-cp{version}", f"python3.{version[1:]}"
    text = f'INCLUDE "{foreign}/include/{name};{foreign}/lib/{name}/site-packages/numpy/_core/include"'
    file.write_text(text)
    code = "from pathlib import Path; from builds import mend_cmake_files as mend; "
    code += "print(mend(Path('..'), Path('/e/site'), '/usr/include/python3.12'), mend(Path('..'), Path('/e'), ''))"
    assert python(clone, code) == "1 0"
    assert file.read_text() == 'INCLUDE "/usr/include/python3.12;/e/site/numpy/_core/include"'


def test_the_finished_environment_costs_a_fraction_of_a_second() -> None:
    """`make demo` must start its job in under 3 s; the set-up's own share is measured here, without the job."""
    environment = {**os.environ, "ROS_DISTRO": ""}
    code = "import sys; sys.path.insert(0, 'setup'); from stages import *; from stamps import Stamps; from pathlib "
    code += "import Path; h = Environment(Path.cwd()); Stamps(h).missing(stages_for(h, 'tools', 'training'))"
    subprocess.run([base_python(), "-S", "-c", code], cwd=ROOT, env=environment, check=True, timeout=3)
