"""Everything `joint_control_node` decides: who moves the robot, along which path, and how fast at most.

The same object runs in the node and in the lock-step loop. It reads no clock: `now` is robot time (s),
`monotonic` the time silence is measured by (s); in a lock-step loop both are the simulator's time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .chunk_player import ChunkPlayer
from .command_checks import CommandChecks
from .errors import CommandError
from .faults import LIMP, FaultWatch, limp_command, react
from .joint_control_config import ControlStatus, JointControlConfig
from .joint_guard import JointGuard
from .joint_targets import RATE, JointTargets
from .ownership import NOBODY, Ownership
from .robot import RobotSpec
from .space_limits import Body, SpaceLimits
from .task_gate import TaskGate
from .timing import Delays
from .touch import Hands
from .values import ActionChunk, Array, HandCommand, JointCommand, JointState

__all__ = ["ControlStatus", "JointControlConfig", "JointController"]


class JointController:
    """Chunks and targets in, one impedance command per tick out, always within the robot's limits.

    Args: gravity: (J,) rad -> (J,) N·m, the torques that hold the robot still in a posture. body: what is near what in
    a posture; without it `config.space` has no effect. first_lease: of `acquire`, higher than any given out before.
    """

    def __init__(
        self,
        robot: RobotSpec,
        config: JointControlConfig,
        gravity: Callable[[Array], Array],
        body: Body | None = None,
        first_lease: int = 1,
    ) -> None:
        self._robot, self._config, self._gravity = robot, config, gravity
        config.faults.check(robot)
        self._faults = FaultWatch(config.faults)
        self.hands = Hands(robot, config.touch)
        scale = config.acceleration_scale
        self._space = None if body is None else SpaceLimits(config.space, body, scale * robot.max_acceleration)
        self._guard = JointGuard(robot, config.velocity_scale, scale, self._space)
        self._player = ChunkPlayer(
            config.crossfade, config.silence, config.slow_down, config.takeover_speed, config.chunking == "naive"
        )
        self.policy_signs = self._player.sender
        self._teleop_speed = robot.max_velocity * config.velocity_scale * config.teleop_speed
        self._braking = 1.0 / (0.8 * scale * robot.max_acceleration)
        self._push_time: Array = scale * robot.max_acceleration / robot.max_jerk
        self._targets = JointTargets(robot.home)
        self._checks, self._every = CommandChecks(robot, config.max_future), np.arange(len(robot.joint_names))
        self._ownership = Ownership(config.release_after, config.reset_after, first_lease)
        self._may_jump = 0.2 + 3.0 * robot.max_velocity * config.max_tick_gap  # rad: more is a teleport, not a motion
        self._reach = robot.max_effort / np.maximum(robot.kp, 1e-9)
        self._gate = TaskGate()
        self._refused: dict[str, int] = {}
        self._latency = Delays(size=512)
        self._accepted = self._ticks = self._starved = self._starving = self._restarts = self._overrun_holds = 0
        self._state: JointState | None = None
        self._task_id = -1
        self._now = self._monotonic = self._begin = self._last_stamp = 0.0
        self._reference: Array = robot.home.copy()

    def on_chunk(self, chunk: ActionChunk, now: float, monotonic: float) -> None:
        """Play this chunk from now on. Raises CommandError when it is refused; the robot is unmoved by it then."""
        with self._counted():
            self._require_state()
            self._gate.check(chunk.task_id)
            index = self._checks.chunk(chunk, now, self._config.max_chunk_age)
            if chunk.observation_stamp < self._begin or chunk.stamp <= self._last_stamp:
                raise CommandError(
                    "stale",
                    f"chunk of {chunk.stamp:.3f} s was decided before the controller began at {self._begin:.3f} s "
                    f"or does not follow the last chunk at {self._last_stamp:.3f} s",
                )
            posture = self._halt()
            rows = np.tile(posture, (len(chunk.positions), 1))
            rows[:, index] = chunk.positions
            np.clip(rows, self._robot.lower, self._robot.upper, out=rows)
            if self._ownership.request("policy", monotonic):
                self._player.clear()
                self._targets.let_go()
            if chunk.task_id != self._task_id:
                self._player.begin_task(chunk.observation_stamp, now)
            if not self._player.playing:
                self._reference = posture  # a robot still moving comes to rest there while the chunk fades in
            rest_in = float(np.max(np.abs(self._guard.velocity) * self._braking, initial=0.0))
            self._player.add(chunk, rows, posture, now, monotonic, rest_in)
        if chunk.task_id == self._task_id:
            self._starved += self._starving
        self._faults.over()
        self._starving, self._task_id, self._last_stamp = 0, chunk.task_id, chunk.stamp
        self._accepted += 1

    def on_joint_target(
        self,
        names: Sequence[str],
        positions: Array,
        source: str = "teleop",
        now: float = 0.0,
        monotonic: float = 0.0,
        stamp: float | None = None,
        lease: int = 0,
    ) -> None:
        """Move the named joints to `positions` (N,) rad. `stamp`: robot time of the target, None when it has none.

        No names and no positions: `source` gives the robot back at once, instead of by falling silent.
        Raises: CommandError when it is refused, or was overtaken by a newer one; the robot is unmoved by it then.
        """
        giving_back = len(names) == 0 and positions.size == 0
        with self._counted():
            self._require_state()
            index = self._every if giving_back else self._checks.target(names, positions)
            if stamp is not None:
                self._checks.age(stamp, now, self._config.max_target_age, "target")
                self._checks.newer(index, stamp)
            if giving_back:
                self._release(source, lease)
                return
            self._take(source, monotonic, lease)
        if stamp is not None:
            self._checks.told(index, stamp)
        self._faults.over()
        self._targets.point(index, np.clip(positions, self._robot.lower[index], self._robot.upper[index]))
        self._accepted += 1

    def on_hand(self, command: HandCommand, source: str, now: float, monotonic: float, lease: int = 0) -> None:
        """Bring a hand into a posture by its name, within 2 s, or limit its force. It then holds what it holds.

        Raises: CommandError when it is refused; the robot is unmoved by it, and its forces are as before then.
        """
        with self._counted():
            self._require_state()
            if command.stamp is not None:
                self._checks.age(command.stamp, now, self._config.max_target_age, "hand command")
            index, posture = self._checks.hand(command.side, command.posture)
            self.hands.check(command.max_force)
            if command.posture:
                self._take(source, monotonic, lease)
        self.hands.limit(command.side, command.max_force)
        self._accepted += 1
        if command.posture:
            self._faults.over()
            self._targets.hand(index, posture, monotonic)

    def on_task(self, task_id: int, sentence: str, monotonic: float = 0.0) -> None:
        """The planner announced or repeated the task in force. Chunks of one older than this controller are refused."""
        self._gate.on_task(task_id, sentence, monotonic)

    def on_task_sender_lost(self) -> None:
        """Nobody could take the task back any more: the policy loses the robot until the task is announced again."""
        self._gate.on_sender_lost()
        self.on_policy_lost()

    def on_policy_lost(self) -> None:
        """Who sends the chunks is gone: the robot stops at once, however long this policy's answers were waited for."""
        self._player.on_sender_lost()
        if self._ownership.owner == "policy":
            self._faults.happened("owner_lost", self._monotonic)
        self._ownership.release("policy")

    def emergency_stop(self, pressed: bool) -> None:
        """The button went down (stop, at once and until reset) or up (changes nothing by itself)."""
        self._ownership.emergency_stop(pressed)
        if pressed:
            self._player.clear()
            self._targets.let_go()
            self._faults.over()

    def reset_emergency_stop(self) -> bool:
        """End an emergency stop. Commands decided before this moment stay refused. False when it can't end yet."""
        stopped = self._ownership.emergency_stopped
        done = self._ownership.reset_emergency_stop()
        if stopped and done:
            self._begin = self._now
        return done

    def acquire(self, source: str, monotonic: float) -> int:
        """Take the robot for whoever carries the number returned; all that moved it before ends now.

        Raises: CommandError when a stop or a higher source forbids it.
        """
        with self._counted():
            self._require_state()
            lease = self._ownership.acquire(source, monotonic)
        self._begin_targets()
        self._faults.over()
        return lease

    def on_overruns(self) -> None:
        """This loop no longer keeps time: who moves the robot loses it, and needs a new command to get it back."""
        self._overrun_holds += self._ownership.owner != NOBODY
        self._player.clear()
        self._ownership.release(self._ownership.owner)
        self._faults.happened("overruns", self._monotonic)

    def restart(self) -> None:
        """Forget all motion: the next tick holds the posture measured then. An emergency stop stays."""
        self._state = None

    def tick(self, now: float, monotonic: float, state: JointState) -> JointCommand:
        """The command for robot time `now`. The first one holds the measured posture.

        Raises: CommandError `not_ready` while no joint state with finite numbers has been seen.
        """
        state = self._sound(state)
        dt = now - self._now
        if self._state is None or self._broken_off(state, dt, monotonic - self._monotonic):
            self._begin_anew(now, state)
        elif dt > 0.0:
            self._move(now, monotonic, state, dt)
        else:
            now = self._now
        self._now, self._monotonic, self._state = now, monotonic, state
        self._ticks += 1
        return self._command(now, state)

    def look_ahead(self) -> None:
        """Call it once the command of `tick` was sent: the next one is then decided sooner."""
        self._guard.look_ahead()

    @property
    def owner(self) -> str:
        """Who moves the robot: policy, planner, teleop, emergency_stop, or none."""
        return "emergency_stop" if self._ownership.emergency_stopped else self._ownership.owner

    @property
    def lease(self) -> int:
        """The number that commands of the owner must carry, 0 for none."""
        return self._ownership.lease

    def status(self) -> ControlStatus:
        """A snapshot for diagnostics."""
        return ControlStatus(
            owner=self.owner,
            holding=not self._guard.velocity.any() and not self._player.playing,
            emergency_stopped=self._ownership.emergency_stopped,
            refused=dict(self._refused),
            accepted=self._accepted,
            ticks=self._ticks,
            fault=self._faults.fault,
            reaction=self._faults.reaction,
            slowed_by="" if self._space is None else self._space.slowed_by,
            starved_ticks=self._starved,
            restarts=self._restarts,
            overrun_holds=self._overrun_holds,
            latency_p50=self._latency.percentile(50.0),
            latency_p99=self._latency.percentile(99.0),
            latency_count=self._latency.count,
            hands=self.hands.status(),
        )

    def _take(self, source: str, monotonic: float, lease: int) -> None:
        """Take or renew the robot for targets of `source`."""
        if self._ownership.request(source, monotonic, lease):
            self._begin_targets()

    def _release(self, source: str, lease: int) -> None:
        if self._ownership.owner == source:
            self._ownership.request(source, self._monotonic, lease)
            self._ownership.release(source)

    def _begin_targets(self) -> None:
        """A new owner begins where the joints come to rest."""
        self._player.clear()
        self._targets.begin(self._halt())

    def count_refusal(self, error: CommandError) -> None:
        """Count a command that was refused before it came here, for example while its message was read."""
        self._refused[error.reason] = self._refused.get(error.reason, 0) + 1

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count what is refused within."""
        try:
            yield
        except CommandError as error:
            self.count_refusal(error)
            raise

    def _require_state(self) -> None:
        if self._state is None:
            raise CommandError("not_ready", "no joint state was seen yet: call tick() before commands")

    def _sound(self, state: JointState) -> JointState:
        """The state, or the last sound one when a number in it is not finite."""
        if math.isfinite(state.position.dot(state.velocity)):  # one pass: any NaN or infinity shows in the product
            return state
        error = CommandError("not_ready", "a measured joint position or velocity is not a finite number")
        self.count_refusal(error)
        if self._state is None:
            raise error
        return self._state

    def _broken_off(self, state: JointState, dt: float, pause: float) -> bool:
        """The robot's clock was set back, this loop stood still, or the robot was put into another posture."""
        assert self._state is not None
        limit = self._config.max_tick_gap
        if not -0.05 < dt < limit or pause > limit or state.stamp - self._state.stamp > self._config.max_state_gap:
            return True
        return bool(np.any(np.abs(state.position - self._state.position) > self._may_jump))

    def _begin_anew(self, now: float, state: JointState) -> None:
        self._restarts += 1
        self._targets.let_go()
        self._checks.forget()
        self._begin, self._last_stamp = now, -np.inf
        self._player.clear()
        self._ownership.release(self._ownership.owner)
        self._guard.restart(state.position)
        self._reference = state.position.copy()

    def _move(self, now: float, monotonic: float, state: JointState, dt: float) -> None:
        """Take one step of `dt` s along the owner's path; brake when there is none."""
        if self._gate.hangs(monotonic, self._config.task_silence):
            self.on_task_sender_lost()
        owner = self._ownership.owner
        if self._targets.hand_until > -math.inf and owner != NOBODY:
            self._go_on_with_hand(owner, monotonic)
            owner = self._ownership.owner
        self._ownership.update(monotonic)
        if owner != self._ownership.owner and (owner == "teleop" or self._gate.running):
            self._faults.happened("owner_lost", monotonic)
        target = self._play(now, monotonic)
        blind = now - state.stamp > self._config.max_state_age
        reaction = self._faults.update(self._ownership.emergency_stopped, blind, monotonic)
        if reaction:
            react(reaction, self._guard, self._robot, state.position, dt)
        elif target is not None:
            velocity = (target - self._reference) / dt
            within = self._within_reach(target, state)
            self._guard.step(within, np.where(within == target, velocity, 0.0), dt)
        elif (
            self._ownership.owner in ("teleop", "planner")
            and self._ownership.silence(monotonic) <= self._config.silence
        ):
            goal = self._within_reach(self._targets.after(dt), state)
            self._guard.approach(goal, dt, *self.hands.pace(RATE, self._teleop_speed))
        else:
            self._guard.stop(dt)
        self._reference = self._guard.position if target is None or reaction else target

    def _go_on_with_hand(self, owner: str, monotonic: float) -> None:
        """A hand command lasts until its time is over; its sender then gives the robot back."""
        if monotonic <= self._targets.hand_until:
            self._ownership.request(owner, monotonic, self._ownership.lease)
        else:
            self._targets.hand_until = -math.inf
            self._ownership.release(owner)

    def _halt(self) -> Array:
        """Where the joints, braking a little less than they can, come to rest, (J,) rad."""
        velocity = self._guard.velocity
        posture = self._guard.position + velocity * (np.abs(velocity) * self._braking + self._push_time) / 2.0
        return np.clip(posture, self._robot.lower, self._robot.upper)

    def _play(self, now: float, monotonic: float) -> Array | None:
        """Where the policy, if it owns the robot, wants the joints now, (J,) rad."""
        target, observed = self._player.sample(now, monotonic)
        if self._ownership.owner != "policy":
            return None
        if observed is not None:
            self._latency.add(now - observed)
        if target is None or self._player.starved:
            self._starving += 1
        else:
            self._ownership.request("policy", monotonic)  # a chunk being played is a command of the policy
        return target

    def _within_reach(self, target: Array, state: JointState) -> Array:
        """The target, no further ahead of the joints than their torque reaches: no winding up at an obstacle.

        A hand whose force is limited closes slowly and with a share of its torque.
        """
        target = np.clip(target, state.position - self._reach, state.position + self._reach)
        if not self.hands.limited:
            return target
        return self.hands.within(target, self._guard.position, state.position, self._now)

    def _command(self, now: float, state: JointState) -> JointCommand:
        """The guard's posture with gravity compensation, its torque at the measured state within max_effort."""
        robot, guard = self._robot, self._guard
        if self._faults.reaction in LIMP:
            return limp_command(self._faults.reaction, robot, now, guard.position)
        feed = np.clip(self._gravity(state.position), -robot.max_effort, robot.max_effort)
        spring = robot.kp * (guard.position - state.position) + robot.kd * (guard.velocity - state.velocity)
        effort = np.clip(spring + feed, -robot.max_effort, robot.max_effort) - spring
        return JointCommand(now, guard.position, guard.velocity, effort, robot.kp, robot.kd)
