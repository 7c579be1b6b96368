"""LeRobot itself, in its own environment and unchanged, opens what the recorder wrote and trains on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "dataset"))

from made_up import CONTRACT, data_set, picture

from optimus_nodes.core.episode import EpisodeInfo, Outcome
from optimus_nodes.core.values import JointState
from optimus_nodes.dataset.edit import merge
from optimus_nodes.dataset.files import read_sealed
from optimus_nodes.dataset.layout import Layout
from optimus_nodes.dataset.recorder import Recorder, RecorderConfig
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.streams import Channel

HERE = Path(__file__).resolve().parent
BIN = HERE.parents[1] / ".venv-lerobot" / "bin"
pytestmark = [
    pytest.mark.skipif(not (BIN / "lerobot-train").exists(), reason="run `make env-lerobot` first"),
    pytest.mark.timeout(300),
]

CAMERAS = [name for name, _, _ in CONTRACT.cameras]
VIDEO = {name: Channel(f"/{name}/video", "foxglove_msgs/msg/CompressedVideo", "string format\n") for name in CAMERAS}


class Robot:
    """Feeds a recorder: joints at 100 Hz, pictures at 10 Hz."""

    def __init__(self, root: Path) -> None:
        frames = {name: f"{name}_optical_frame" for name in CAMERAS}
        self.recorder = Recorder(Store(root, CONTRACT), RecorderConfig(min_free_mb=0, past=1.0), {}, VIDEO, frames)
        self._tick = 0
        self._live(1.0)

    def record(self, task: str, seconds: float, outcome: Outcome | None) -> None:
        """Record an episode; without an outcome it goes on running."""
        assert (problem := self.recorder.start(EpisodeInfo(task, "script"))) == "", problem
        self._live(seconds)
        if outcome:
            assert self.recorder.stop(outcome) is not None

    def _live(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            t = self._tick / 100
            joints = np.sin(t + np.arange(3))
            self.recorder.on_joints(JointState(t, joints, np.cos(t + np.arange(3)), joints * 0.1))
            self.recorder.on_touch(t, CONTRACT.tactile_pads, np.ones(2) * t)
            if self._tick % 10 == 0:
                for name, height, width in CONTRACT.cameras:
                    self.recorder.on_picture(name, t, picture(self._tick // 10, height, width))
            self.recorder.on_applied(t, joints)
            self._tick += 1


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished episodes and one that is still running."""
    root = tmp_path_factory.mktemp("recorded") / "d"
    robot = Robot(root)
    robot.record("wave", 2.0, Outcome(True, "", "person"))
    robot.record("pick up the red box", 1.2, Outcome(False, "it slipped", "person"))
    robot.record("go home", 1.0, None)
    end = time.monotonic() + 30
    while not all("files" in read_sealed(Layout(root).document(number)) for number in range(2)):
        assert time.monotonic() < end, "the finished episodes got no checksums"
        time.sleep(0.05)
    assert len(list((root / "recording").iterdir())) == 1
    return root


def lerobot(*words: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of LeRobot's environment as a user would, with nothing of ours on its path."""
    environment = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
    return subprocess.run(list(map(str, words)), env=environment, capture_output=True, text=True, timeout=250, cwd=home)


def opened(root: Path) -> dict:
    """What LeRobot finds in a data set."""
    run = lerobot(BIN / "python", HERE / "open_dataset.py", root, "--frames", "4", home=root.parent)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a data set."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_lerobot_opens_a_recorded_data_set_while_another_episode_is_running(recorded):
    before = contents(recorded)
    found = opened(recorded)
    lengths = [read_sealed(Layout(recorded).document(number))["frames"] for number in range(2)]
    assert lengths[0] > lengths[1] > 5
    assert (found["episodes"], found["frames"]) == (2, sum(lengths))
    assert found["tasks"] == [["wave"], ["pick up the red box"]]
    assert found["decoded"] == 2 * 4 * len(CAMERAS)
    assert contents(recorded) == before


def test_lerobot_opens_a_data_set_whose_last_episode_was_repaired_after_a_kill(tmp_path):
    root = data_set(tmp_path / "d", (12, 8))
    code = "import os, sys; from pathlib import Path; from made_up import *; "
    code += "files = running(Store(Path(sys.argv[1]), CONTRACT), 30); os.kill(os.getpid(), 9)"
    path = os.pathsep.join([str(HERE.parent / "dataset"), str(HERE.parents[1])])
    killed = subprocess.run([sys.executable, "-c", code, root], env={**os.environ, "PYTHONPATH": path}, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert opened(root)["episodes"] == 2
    Store(root, CONTRACT).close()  # the next start repairs
    found = opened(root)
    assert found["episodes"] == 3
    assert 20 <= found["frames"] - 12 - 8 <= 30  # 10 frames are a second
    assert found["tasks"][2] == ["wave", "go home"]


@pytest.mark.parametrize(("joints", "pads"), [(1, 1), (3, 0)])
def test_lerobot_opens_a_data_set_of_a_robot_with_a_single_joint_or_no_touch(tmp_path, joints, pads):
    names = {"joint_names": CONTRACT.joint_names[:joints], "tactile_pads": CONTRACT.tactile_pads[:pads]}
    assert opened(data_set(tmp_path / "d", (12, 8), replace(CONTRACT, **names)))["frames"] == 20


def test_lerobot_opens_a_merged_data_set(recorded, tmp_path):
    merge([recorded, data_set(tmp_path / "a", (7, 5))], tmp_path / "m")
    found = opened(tmp_path / "m")
    assert found["tasks"] == [["wave"], ["pick up the red box"], ["wave", "go home"], ["wave", "go home"]]


def test_a_data_set_with_a_missing_row_does_not_pass(tmp_path):
    root = data_set(tmp_path / "d", (12, 8))
    path = root / "data/chunk-000/file-001.parquet"
    pq.write_table(pq.read_table(path).slice(0, 7), path)
    run = lerobot(BIN / "python", HERE / "open_dataset.py", root, home=tmp_path)
    assert run.returncode == 1
    assert "frames in the tables: 19, expected 20" in run.stderr


def test_what_is_no_data_set_is_refused_and_left_alone(tmp_path):
    for script in ("open_dataset.py", "train_act.py"):
        run = lerobot(BIN / "python", HERE / script, tmp_path / "nothing", home=tmp_path)
        assert run.returncode == 1
        assert "nothing is no data set: it has no meta/info.json" in run.stderr
    assert not (tmp_path / "nothing").exists()


def test_lerobot_trains_on_a_recorded_data_set_and_the_loss_falls(recorded):
    run = lerobot(BIN / "python", HERE / "train_act.py", recorded, "--steps", "20", home=recorded.parent)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["end"] < found["start"]
    assert len(found["losses"]) == 20
    assert {"observation.images.head", "observation.images.wrist", "observation.state"} <= set(found["inputs"])


def test_the_command_line_of_the_readme_trains(recorded, tmp_path):
    readme = (HERE.parents[1] / "README.md").read_text()
    [command] = [line for line in readme.replace("\\\n", " ").splitlines() if "lerobot-train" in line and "--" in line]
    words = command.split("#")[0].split()
    values = {
        "--dataset.root": str(recorded),
        "--output_dir": str(tmp_path / "out"),
        "--steps": "2",
    }
    assert words[0] == ".venv-lerobot/bin/lerobot-train"
    assert values.keys() <= {word.partition("=")[0] for word in words}
    given = [f"{name}={values.get(name, value)}" for name, _, value in (word.partition("=") for word in words[1:])]
    small = ["--policy.dim_model=128", "--batch_size=2", "--num_workers=0"]  # a test has no time for more
    run = lerobot(BIN / "lerobot-train", *given, *small, home=tmp_path)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out/checkpoints/000002/pretrained_model/model.safetensors").exists()
