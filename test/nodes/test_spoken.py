"""Voice through the whole graph, without a microphone: eSpeak NG speaks into a pipe, noise is added, the robot acts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from optimus_humanoid.msg import Task as TaskMsg
from sensor_msgs.msg import JointState
from sim_bench import Bench, Heard, wait_for
from std_msgs.msg import Bool, String

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.demo import wait_until_ready
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph
from optimus_nodes.ros import qos
from optimus_nodes.speech.sound import RATE, add_noise, read_wav, resampled
from optimus_nodes.speech.voice import EspeakVoice

ORDER = "put the red box in the left bin"
STILL = 0.1  # rad/s


class Person:
    """Speaks into a pipe in a noisy room."""

    def __init__(self, pipe: Path) -> None:
        os.mkfifo(pipe)
        self._pipe, self._voice, self._rng = pipe, EspeakVoice("en-us+m3", 140), np.random.default_rng(1)

    def say(self, text: str) -> None:
        pause = np.zeros(RATE, np.int16)
        sound = np.concatenate([pause, resampled(self._voice.speak(text), self._voice.rate), pause])
        with self._pipe.open("wb") as file:
            file.write(add_noise(sound, 20.0, self._rng).tobytes())


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    for name in ("ROS_DOMAIN_ID", "ROS_LOG_DIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back after the test
    found = free_domain()
    enter_graph_environment(found)
    return found


def test_a_spoken_order_moves_the_arms_and_a_spoken_stop_ends_it(tmp_path: Path, domain: int) -> None:
    person = Person(tmp_path / "ear")
    options = ["--voice", "--set", f"speech.input={tmp_path / 'ear'}", "--set", f"speech.output={tmp_path / 'said'}"]
    with RunningGraph(tmp_path, domain, options) as graph, Companion() as listener:
        heard = Heard(listener, String, "speech/heard", qos.EVENT)
        tasks = Heard(listener, TaskMsg, "task", qos.LATCHED)
        states = Heard(listener, JointState, "joint_states", qos.STATE)
        wait_until_ready(listener, graph)
        wait_for(lambda: listener.node.count_publishers("speech/heard"), listener, 30.0, "a robot that listens")

        def speed() -> float:
            return float(np.abs(states[-1][1].velocity).max())

        person.say(ORDER)
        wait_for(lambda: heard, listener, 20.0, "hearing what was not said to it")
        listener.spin(0.5)
        assert [message.data for _, message in heard] == [ORDER]
        assert not tasks[-1][1].sentence, "it did what nobody had asked it for"
        person.say(f"optimus {ORDER}")
        wait_for(lambda: tasks[-1][1].sentence == ORDER, listener, 20.0, "a task")
        wait_for(lambda: speed() > 0.5, listener, 30.0, "motion")
        person.say("stop")
        wait_for(lambda: not tasks[-1][1].sentence, listener, 20.0, "a stop")
        wait_for(lambda: speed() < STILL, listener, 10.0, "rest")
        wait_for(lambda: any("stopped" in text for text in listener.speech), listener, 10.0, "an answer")
        wait_for(lambda: len([*(tmp_path / "said").glob("*.wav")]) >= 2, listener, 20.0, "spoken answers")
    assert np.abs(read_wav(tmp_path / "said" / "0001.wav")).max() > 1000


def test_what_it_needs_and_does_not_find_is_said_in_one_line(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        node = bench.start("speech_node", "input:=nothing.wav", "output:=none")
        assert node.wait(60.0) == 2
        assert "error: no sound comes from 'nothing.wav'" in bench.log("speech_node")


def test_the_button_is_held_to_speak_and_a_speaker_that_fails_leaves_it_hearing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/aplay").write_text("#!/bin/sh\ncat > /dev/null\nexit 1\n")
    (tmp_path / "bin/aplay").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with Bench(tmp_path) as bench:
        person = Person(tmp_path / "ear")
        bench.start("speech_node", f"input:={tmp_path / 'ear'}", "output:=speaker", "hearing.mode:=push")
        listener = bench.listen()
        orders = Heard(listener, String, "instruction", qos.EVENT)
        heard = Heard(listener, String, "speech/heard", qos.EVENT)
        button = listener.node.create_publisher(Bool, "speech/listen", qos.EVENT)
        mouth = listener.node.create_publisher(String, "speech/say", qos.EVENT)
        wait_for(lambda: listener.node.count_publishers("instruction"), listener, 40.0, "a robot that listens")
        wait_for(lambda: button.get_subscription_count() and mouth.get_subscription_count(), listener, 10.0, "matches")
        mouth.publish(String(data="I am ready."))
        wait_for(lambda: "cannot be played to" in bench.log("speech_node"), listener, 20.0, "word of the speaker")
        person.say("open the drawer")
        wait_for(lambda: heard, listener, 20.0, "hearing")
        listener.spin(0.3)
        assert not orders
        button.publish(Bool(data=True))
        listener.spin(0.3)
        person.say("open the drawer")
        wait_for(lambda: orders, listener, 20.0, "an order")
        assert orders[0][1].data == "open the drawer"
