"""A conversation with the whole robot in simulation, typed or spoken: who said what, what was done, where all is now.

python bench/talk.py                                  sorts the bench by one sentence, and says whether it is sorted
python bench/talk.py --spoken --seeds 6200 6201       the same through a voice, noise and the robot's ears
python bench/talk.py --sentences turns.txt            one sentence a line, each after the one before is over
python bench/talk.py --interrupt 3 "..." "stop"       does not wait for the end of a plan longer than 3 s
python bench/talk.py "..." --slips 1                  the first box in a hand slips out of it, back to where it was
python bench/talk.py "..." --thefts 1                 the first box in a bin is taken out of it, back to where it was
python bench/talk.py "..." --late-thefts 1            the same at the last moment, so that only the look finds out

Everything runs as on a robot: ears, planner with eyes, policy, joint control, mouth. --json prints one line last, with
`sorted`: of how many boxes the place is the one for their size (large in the left bin, small in the right one).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from optimus_humanoid.msg import ActionChunk, SceneObject
from optimus_humanoid.msg import SceneState as SceneStateMsg
from std_msgs.msg import String

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.demo import wait_until_ready
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph
from optimus_nodes.core.plan import Plan, PlanState
from optimus_nodes.core.plan_runner import PlanRules
from optimus_nodes.core.values import SceneState
from optimus_nodes.ros import convert, qos
from optimus_nodes.speech.sound import RATE, add_noise, resampled
from optimus_nodes.speech.voice import EspeakVoice

SORT = "Sort these components by size and place the large ones in the bin on the left"
WANTED = {"large": "left_bin", "small": "right_bin"}
PLAN_S = 240.0  # the longest a plan may take
ANSWER_S = 30.0  # the longest one waits for an answer
SNR_DB = 20.0
HELD_S = 0.9  # s a box is in a hand before it slips
RULES = PlanRules()
LATE_S = RULES.done_hold_s - 0.08  # s the policy has held its step for done when a late thief comes


class Talk:
    """One graph and a person who talks to it."""

    def __init__(self, companion: Companion, ear: Path | None, options: argparse.Namespace) -> None:
        self._companion, self._ear = companion, ear
        self._slips, self._thefts, self._late_thefts = options.slips, options.thefts, options.late_thefts
        self._at_first, self._held_since, self._sure_since = companion.scene, 0.0, math.inf
        self._move = companion.node.create_publisher(SceneObject, "sim/move_object", qos.EVENT)
        companion.node.create_subscription(SceneStateMsg, "sim/scene", self._on_scene, qos.STATE)
        companion.node.create_subscription(ActionChunk, "action_chunk", self._on_chunk, qos.COMMAND)
        self._typed = companion.node.create_publisher(String, "instruction", qos.EVENT)
        self.lines: list[dict[str, object]] = []
        self._began = time.monotonic()
        self._steps: dict[str, str] = {}
        companion.on_speech = lambda text: self._note("robot", text)
        companion.on_plan = self._on_plan
        companion.node.create_subscription(
            String, "speech/heard", lambda message: self._note("heard", message.data), qos.EVENT
        )

    def say(self, text: str, patience: float) -> None:
        """Say it, and wait until it is answered and what was asked for is over, `patience` s at most."""
        self._note("person", text)
        answers = len(self._companion.speech)
        if self._ear is None:
            self._typed.publish(String(data=text))
        else:
            self._ear.open("wb").write(spoken(f"optimus {text}"))
        self._companion.wait(lambda: len(self._companion.speech) > answers, ANSWER_S)
        self._companion.spin(0.5)
        self._companion.wait(lambda: not self._running(), patience)
        self._companion.spin(0.5)

    def _on_scene(self, message: SceneStateMsg) -> None:
        """Let the next box slip that has been in a hand for HELD_S, and take out the next one that is in a bin."""
        scene = convert.scene_state_from_msg(message)
        held = next((thing for thing in scene.objects if thing.kind == "box" and thing.held_by), None)
        if held is None or not self._slips:
            self._held_since = scene.stamp
        elif scene.stamp - self._held_since > HELD_S:
            self._slips -= 1
            self._move.publish(convert.scene_object_to_msg(self._at_first.find(held.name)))
            self._note("mishap", f"the {held.colour} box slipped out of the {held.held_by} hand")
        if self._thefts and self._steal(scene):
            self._thefts -= 1

    def _on_chunk(self, message: ActionChunk) -> None:
        """Steal at the last moment: so late that the policy holds the step for done, and only the look finds out."""
        now, (_, progress) = time.monotonic(), convert.progress_from_msg(message)
        self._sure_since = min(self._sure_since, now) if progress >= RULES.done_progress else math.inf
        if self._late_thefts and now - self._sure_since > LATE_S and self._steal(self._companion.scene):
            self._late_thefts -= 1

    def _steal(self, scene: SceneState) -> bool:
        """Take a box out of a bin; False when there is none."""
        loose = [thing for thing in scene.objects if thing.kind == "box" and not thing.held_by]
        binned = next((thing for thing in loose if thing.place.endswith("_bin")), None)
        if binned is None:
            return False
        self._move.publish(convert.scene_object_to_msg(self._at_first.find(binned.name)))
        self._note("mishap", f"somebody put the {binned.colour} box back to where it was")
        return True

    def _running(self) -> bool:
        return self._companion.plan is not None and self._companion.plan.state is PlanState.RUNNING

    def _on_plan(self, plan: Plan) -> None:
        for number, step in enumerate(plan.steps):
            name, state = f"{number}: {step.sentence}", step.state.name.lower()
            if self._steps.get(name) != state and state != "waiting":
                self._steps[name] = state
                self._note("step", f"{step.sentence}: {state}")

    def _note(self, who: str, text: str) -> None:
        at = round(time.monotonic() - self._began, 1)
        self.lines.append({"at": at, "who": who, "text": text})
        print(f"{at:6.1f} s  {who:>6}  {text}", flush=True)


def spoken(text: str) -> bytes:
    """`text` by a voice in a noisy room."""
    voice, pause = EspeakVoice("en-us+m3", 140), np.zeros(RATE, np.int16)
    sound = np.concatenate([pause, resampled(voice.speak(text.lower()), voice.rate), pause])
    return add_noise(sound, SNR_DB, np.random.default_rng(1)).tobytes()


def boxes(scene: SceneState) -> dict[str, str]:
    """Where every box is; one on another in a bin counts as in it."""
    found: dict[str, str] = {}
    for thing in scene.objects:
        if thing.kind == "box":
            place = thing.place or f"{thing.held_by} hand" * bool(thing.held_by)
            found[f"{thing.size_word} {thing.colour} box"] = place or below(scene, thing.position)
    return found


def below(scene: SceneState, position: np.ndarray) -> str:
    """The bin over which something is, "" for none."""
    for thing in scene.objects:
        if thing.kind == "bin" and np.all(np.abs(position - thing.position)[:2] < thing.size[:2] / 2):
            return thing.name
    return ""


def converse(seed: int, sentences: list[str], options: argparse.Namespace) -> dict[str, object]:
    domain = free_domain()
    enter_graph_environment(domain)
    folder = Path(tempfile.mkdtemp(prefix="talk-"))
    words = ["--scene", "bench", "--set", f"sim.seed={seed}"]
    ear = folder / "ear" if options.spoken else None
    if ear is not None:
        os.mkfifo(ear)
        words += ["--voice", "--set", f"speech.input={ear}", "--set", f"speech.output={folder / 'said'}"]
    with RunningGraph(folder, domain, words) as graph, Companion() as companion:
        wait_until_ready(companion, graph, 120.0)
        if ear is not None:
            companion.wait(lambda: companion.node.count_publishers("speech/heard"), 60.0)
        companion.wait(lambda: companion.scene is not None, 20.0)
        talk = Talk(companion, ear, options)
        print(f"seed {seed}: {boxes(companion.scene)}; logs and sound in {folder}", flush=True)
        for text in sentences:
            talk.say(text, options.interrupt or PLAN_S)
            graph.check()
        companion.scene = None
        companion.wait(lambda: companion.scene is not None, 10.0)
        where = boxes(companion.scene)
    right = sum(place == WANTED[name.split()[0]] for name, place in where.items())
    print(f"seed {seed}: {where}: {right} of {len(where)} where their size belongs", flush=True)
    return {"seed": seed, "boxes": where, "sorted": right, "of": len(where), "lines": talk.lines}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="Sentences, one after the other.")
    parser.add_argument("--sentences", type=Path, help="File with one sentence a line.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[6200])
    parser.add_argument("--spoken", action="store_true")
    parser.add_argument("--interrupt", type=float, default=0.0, help="Say the next thing after so many seconds.")
    parser.add_argument("--slips", type=int, default=0, help="So many times a box slips out of the hand.")
    parser.add_argument("--thefts", type=int, default=0, help="So many times a box is taken out of a bin.")
    parser.add_argument("--late-thefts", type=int, default=0, help="The same, just before the robot looks.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sentences = options.words or (options.sentences.read_text().splitlines() if options.sentences else [SORT])
    found = [converse(seed, [text for text in sentences if text.strip()], options) for seed in options.seeds]
    if options.json:
        print(json.dumps({"spoken": options.spoken, "conversations": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
