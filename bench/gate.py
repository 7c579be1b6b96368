"""What gets through the gate, and whether the tests would notice if one of its checks were gone.

    python bench/gate.py                        100,000 generated commands, then every check removed in turn
    python bench/gate.py --commands 1000000 --no-removals
    python bench/gate.py --removals guard       only those of whose name this is a part; --json prints one line last

The commands (chunks, targets, stop buttons, releases; good, malformed, late, from nobody) are those of
test/core/test_joint_controller_refusals.py. Behind the gate every command to the joints is checked: finite, of the
right shape, position, velocity, acceleration, jerk and torque within (1 + 1e-6) of their limits.
A check is removed in a copy of the project; then the tests of the gate must fail. `raise CommandError` is found by
itself, in every file of the gate; the limits are listed below.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test"), str(ROOT / "test/core")]

CORE = "optimus_nodes/core"
GATE = [
    f"{CORE}/{name}.py"
    for name in (
        "command_checks",
        "touch",
        "ownership",
        "task_gate",
        "chunk_player",
        "joint_controller",
        "watchdog",
        "driver_loop",
    )
]
WIRE = ["optimus_nodes/ros/convert/joints.py", "optimus_nodes/ros/raw.py", "optimus_nodes/ros/joint_wire.py"]
CORE_TESTS = [
    f"test/core/test_{name}.py"
    for name in (
        "joint_controller_refusals",
        "joint_controller",
        "ownership",
        "leases",
        "touch",
        "handover",
        "task_gate",
        "sign_of_life",
        "chunk_player",
        "joint_guard",
        "stopping",
        "watchdog",
        "faults",
        "lossy_link",
        "driver_loop",
    )
]
SPACE_TESTS = ["test/robot/test_space_limits.py"]
WIRE_TESTS = ["test/nodes/test_ros_convert.py", "test/nodes/test_joint_wire.py"]


QUICKLY = """# that a test fails is enough; the simplest example of it is not looked for
from hypothesis import Phase, settings
settings.register_profile("quickly", phases=[Phase.explicit, Phase.generate])
settings.load_profile("quickly")
"""


class Removal(NamedTuple):
    """One check less: in `path`, what stands at `start` to `end` is `new`. One of `tests` must notice it."""

    name: str
    path: str
    start: int
    end: int
    new: str
    tests: list[str]


LIMITS = [  # file, text, what stands there instead
    ("joint_guard", "(fastest <= self._max_velocity * _ROUNDING)", "(fastest < np.inf)"),
    ("joint_guard", "above = position + most <= np.maximum(self._upper, self.position)", "above = position < np.inf"),
    ("joint_guard", "below = position + least >= np.minimum(self._lower, self.position)", "below = position < np.inf"),
    ("joint_guard", "np.clip(acceleration, -least, most, out=acceleration)", "pass"),
    ("joint_guard", "change = self._max_jerk * (0.5 * (dt + self._last_dt))", "change = np.inf"),
    ("joint_guard", "np.clip(velocity, -self._max_velocity, self._max_velocity)", "velocity"),
    ("stopping", "np.minimum(brake, self._most)", "brake"),
    ("stopping", "most = np.maximum(way + 2.0 * gain * rise / self._jerk, 0.0)", "most = way * 0.5"),
    ("joint_controller", "np.clip(rows, self._robot.lower, self._robot.upper, out=rows)", "pass"),
    ("joint_controller", "np.clip(spring + feed, -robot.max_effort, robot.max_effort)", "(spring + feed)"),
    ("joint_controller", "math.isfinite(state.position.dot(state.velocity))", "True"),
    ("joint_controller", "now - state.stamp > self._config.max_state_age", "False"),
    ("joint_controller", "not -0.05 < dt < limit", "False"),
    ("joint_controller", "or pause > limit", "or False"),
    ("joint_controller", "or state.stamp - self._state.stamp > self._config.max_state_gap", "or False"),
    ("joint_controller", "bool(np.any(np.abs(state.position - self._state.position) > self._may_jump))", "False"),
    ("joint_controller", "np.clip(target, state.position - self._reach, state.position + self._reach)", "target"),
    ("joint_controller", "self._gate.check(chunk.task_id)", "pass"),
    ("ownership", "lease != (self.lease if self.owner == source else 0)", "False"),
    ("joint_controller", "self._gate.hangs(monotonic, self._config.task_silence)", "False"),
    ("sign_of_life", "monotonic - self._at > max(silence, _PATIENCE * min(self._pauses))", "False"),
    ("sign_of_life", "min(self._pauses)", "max(self._pauses)"),
    ("chunk_player", "hung or self._must_slow_down(now, monotonic)", "self._must_slow_down(now, monotonic)"),
    ("chunk_player", "dt / (_HUNG if hung else 1.0)", "dt"),
    ("chunk_player", "not self._naive and monotonic - self._arrival > self._delay.patience(self._silence)", "False"),
    ("touch", "np.minimum(furthest, measured[joints] * way + hand.reach * hand.grip.share(now), out=furthest)", "pass"),
    ("touch", "self._config.max_force) if value > 0.0", "0.0) if value > 0.0"),
    ("ownership", "self.owner != NOBODY and self.silence(monotonic) > self._release_after", "False"),
    ("ownership", "self._pressed or self._monotonic - self._pressed_at < self._reset_after", "self._pressed"),
    ("ownership", "self._pressed or self._monotonic - self._pressed_at < self._reset_after", "False"),
    ("watchdog", "monotonic - self._arrival, state.stamp - command.stamp", "monotonic - self._arrival, 0.0"),
    ("watchdog", "monotonic - self._arrival, state.stamp - command.stamp", "0.0, state.stamp - command.stamp"),
    ("space_limits", "share *= slower", "share *= 1.0"),
    ("space_limits", "slower[gradients[k] != 0.0] = 0.0", "pass"),
    ("space_limits", "more = self._body.nearest(asked, self._margin, _AT_ONCE)", "more = seen"),
    ("space_limits", "elif len(more.pairs) < _AT_ONCE", "else"),
    ("space_limits", "(places - self._lower).ravel()", "np.ones(places.size)"),
    ("space_limits", "(self._upper - places).ravel()", "np.ones(places.size)"),
    ("space_limits", "share /= fastest", "pass"),
    ("joint_guard", "self._space.too_fast(velocity)", "False"),
]


def removals() -> Iterator[Removal]:
    """Everything that can be removed, one at a time."""
    for path in GATE + WIRE:
        text = (ROOT / path).read_text()
        lines = [0]
        for line in text.splitlines(keepends=True):
            lines.append(lines[-1] + len(line))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Raise) and node.exc and ast.unparse(node.exc).startswith("CommandError("):
                start, end = lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset
                name = f"{path}:{node.lineno} {ast.unparse(node.exc)[:60]}"
                yield Removal(name, path, start, end, "pass", WIRE_TESTS if path in WIRE else _nearest_first(path))
    for module, old, new in LIMITS:
        path = f"{CORE}/{module}.py"
        text = (ROOT / path).read_text()
        if text.count(old) != 1:
            sys.exit(f"error: {path} has {old!r} {text.count(old)} times; LIMITS in bench/gate.py must follow it")
        start, tests = text.index(old), SPACE_TESTS if "space" in module + old else _nearest_first(path)
        yield Removal(f"{path} {old[:70]} -> {new}", path, start, start + len(old), new, tests)


def _nearest_first(path: str) -> list[str]:
    return sorted(CORE_TESTS, key=lambda test: Path(path).stem not in test)


def noticed(removal: Removal, folder: Path) -> bool:
    """Whether a test fails in the copy of the project in `folder`, with one check less."""
    path = folder / removal.path
    text = path.read_text()
    path.write_text(text[: removal.start] + removal.new + text[removal.end :])
    try:
        return fails(removal.tests, folder)
    finally:
        path.write_text(text)


def fails(tests: list[str], folder: Path) -> bool:
    """Whether one of the tests fails in `folder`."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # what does not even run proves nothing
        sys.exit(f"error: pytest ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.returncode != 0


def remove_each(part: str) -> list[str]:
    """Names of the removals that no test notices. Each processor has a copy of the project."""
    chosen = [removal for removal in removals() if part in removal.name]
    unnoticed, at_once = [], os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(at_once) as workers:
        free: Queue[Path] = Queue()
        for number in range(at_once):
            free.put(copy_project(Path(name) / str(number)))
        if fails(CORE_TESTS + SPACE_TESTS + WIRE_TESTS, free.queue[0]):
            sys.exit("error: the tests of the gate fail as they are")

        def try_out(removal: Removal) -> bool:
            folder = free.get()
            try:
                return noticed(removal, folder)
            finally:
                free.put(folder)

        for number, (removal, found) in enumerate(zip(chosen, workers.map(try_out, chosen), strict=True), 1):
            print(f"{number}/{len(chosen)} {'noticed' if found else 'NOT NOTICED'}  {removal.name}", flush=True)
            if not found:
                unnoticed.append(removal.name)
    return unnoticed


def copy_project(folder: Path) -> Path:
    """What the tests of the gate need, in `folder`."""
    for each in ("optimus_nodes", "test", "config", "urdf", "models", "bench", "docs"):
        shutil.copytree(ROOT / each, folder / each, ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))
    shutil.copy2(ROOT / "pyproject.toml", folder)
    (folder / "conftest.py").write_text(QUICKLY)
    return folder


def send_commands(wanted: int) -> dict[str, float]:
    """Generate commands until `wanted` were sent; what they led to is checked at every tick."""
    from controller_loop import Loop
    from test_joint_controller_refusals import kinds, send

    from optimus_nodes.core.errors import CommandError

    sent = refused = ticks = shown = 0
    fastest = np.zeros(3)

    @settings(
        max_examples=10**9,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.tuples(kinds, st.sampled_from([0, 0, 1, 2, 5, 30])), min_size=20, max_size=80))
    def any_commands(sequence: list) -> None:
        nonlocal sent, refused, ticks, shown
        if sent >= wanted:
            raise _EnoughError
        loop = Loop()
        for event, count in sequence:
            sent += 1
            try:
                send(loop, event)
            except CommandError:
                refused += 1
            if count:
                loop.tick(count)
        loop.tick(20)
        ticks += len(loop.commands)
        np.maximum(fastest, np.abs([command.velocity for command in loop.commands]).max(axis=0), out=fastest)
        if sent * 100 // wanted > shown:
            shown = sent * 100 // wanted
            print(f"\r{sent} of {wanted} commands ...", end="", file=sys.stderr, flush=True)

    try:
        any_commands()
    except _EnoughError:
        pass
    print(file=sys.stderr)
    return {"commands": sent, "refused": refused, "ticks": ticks, "fastest_rad_s": round(float(fastest.max()), 3)}


class _EnoughError(Exception):
    pass


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=100_000, help="how many to generate")
    parser.add_argument("--no-removals", action="store_true", help="remove no check")
    parser.add_argument("--removals", default="", metavar="PART", help="only the checks of whose name this is a part")
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    options = parser.parse_args()
    began = time.monotonic()
    figures: dict[str, object] = dict(send_commands(options.commands))
    print("{commands} commands, {refused} refused; {ticks} commands to the joints, all".format(**figures))
    print("finite and within limits; the fastest joint at {fastest_rad_s} rad/s of 4".format(**figures))
    if not options.no_removals:
        unnoticed = remove_each(options.removals)
        figures |= {"removed": sum(options.removals in each.name for each in removals()), "unnoticed": unnoticed}
        print(f"{figures['removed']} checks removed in turn, {len(unnoticed)} of them unnoticed")
    figures["seconds"] = round(time.monotonic() - began)
    if options.json:
        print(json.dumps(figures))
    return 1 if figures.get("unnoticed") else 0


if __name__ == "__main__":
    sys.exit(main())
