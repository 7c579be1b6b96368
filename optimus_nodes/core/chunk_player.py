"""Plays overlapping action chunks as one smooth motion.

A chunk is a curve in robot time: a cubic through its rows (Catmull-Rom), so that a smooth plan asks for no
jumps in velocity. It is read at the present time: what was played while the policy thought is never played
again. Time in which playback slowed or stood, or in which another task's chunks were played, does not count,
since no step was consumed in it. A new chunk is faded in over the ones before it. When no chunk comes for longer
than the policy is known to need, the time the curves are read at slows down to a halt: the robot stays on its path
and stops. After a halt the next chunk is faded in from the posture the robot stands in, the slower the further away
it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chunk_delay import ChunkDelay, PlayedTime
from .errors import CommandError
from .sign_of_life import SignOfLife
from .values import ActionChunk, Array

_SETTLING = 5.0  # times the way to rest: by then chunks follow that were decided about a robot at rest
_HUNG = 0.5  # of the time to a halt, for a sender that hangs: that is noticed later than a chunk that fails to come
_MOST_LAYERS = 8  # at any chunk rate; the oldest weighs next to nothing by then


def smooth_step(x: float) -> float:
    """0 for x <= 0, 1 for x >= 1, and between them a rise that starts and ends level."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


class Curve:
    """A chunk as a function of robot time. `rows`: (H, J) rad, row k at `stamp + k * step_dt`."""

    def __init__(self, stamp: float, step_dt: float, rows: Array) -> None:
        self.stamp, self.step_dt = stamp, step_dt
        if len(rows) == 1:
            rows = np.vstack((rows, rows))
        before = 3.0 * (rows[0] - rows[1]) + rows[2] if len(rows) > 2 else 2.0 * rows[0] - rows[1]
        self.rows: Array = np.vstack((before, rows, rows[-2]))  # the last one makes the curve end at rest
        self._last = len(rows) - 1
        self.end = stamp + step_dt * self._last

    def weights(self, time: float) -> tuple[int, tuple[float, float, float, float]]:
        """(k, w): the targets at `time` are w @ rows[k : k + 4]. At rest on the last row once the chunk is over."""
        t = (time - self.stamp) / self.step_dt
        if t >= self._last:
            return self._last - 1, (0.0, 0.0, 1.0, 0.0)
        if t <= 0.0:  # stamped a little ahead: a straight line into the first row
            t = max(t, -1.0)
            return 0, (-0.5 * t, 1.0, 0.5 * t, 0.0)
        k = int(t)
        u = t - k
        uu, uuu = u * u, u * u * u
        return k, (
            uu - 0.5 * (u + uuu),
            1.0 - 2.5 * uu + 1.5 * uuu,
            0.5 * u + 2.0 * uu - 1.5 * uuu,
            0.5 * (uuu - uu),
        )

    def at(self, time: float) -> Array:
        """Joint targets at `time`, shape (J,), rad."""
        k, weights = self.weights(time)
        at: Array = np.array(weights) @ self.rows[k : k + 4]
        return at


@dataclass(slots=True)
class _Layer:
    """One chunk being played: `lag` s behind the present at `speed` (1 = real time), `fade` s old in play time."""

    curve: Curve
    observation_stamp: float
    lag: float = 0.0
    speed: float = 1.0
    age: float = 0.0
    played: bool = False


class ChunkPlayer:
    """What the chunks want the posture to be, step by step.

    Args: crossfade: s, how long a new chunk takes over. silence: s without a chunk before slowing down.
    slow_down: s from real time to a halt. takeover_speed: rad/s, how fast a chunk may draw the robot
    out of a standing posture that the chunk does not pass through. naive: play every chunk from its first row to
    its last and switch at once, as a plain queue of actions does; for comparison.
    """

    def __init__(
        self, crossfade: float, silence: float, slow_down: float, takeover_speed: float, naive: bool = False
    ) -> None:
        self._crossfade, self._silence, self._slow_down = crossfade, silence, slow_down
        self._takeover_speed, self._naive = takeover_speed, naive
        self._delay, self._clock = ChunkDelay(), PlayedTime()
        self.sender = SignOfLife()  # who sends the chunks: his silence ends playback in half the time
        self._layers: list[_Layer] = []
        self._waiting: _Layer | None = None
        self._rate = 1.0
        self._arrival = 0.0
        self._now = 0.0
        self._anchor: Array | None = None
        self._anchor_age = self._anchor_fade = 0.0

    @property
    def playing(self) -> bool:
        """False before the first chunk and once playback has come to a halt."""
        return bool(self._layers)

    @property
    def starved(self) -> bool:
        """True while playback is slowing down for want of a new chunk."""
        return bool(self._layers) and self._rate < 1.0

    def clear(self) -> None:
        """Forget every chunk."""
        self._layers.clear()
        self._delay.begin_anew()
        self._waiting = None
        self._anchor = None
        self._rate = 1.0

    def on_sender_lost(self) -> None:
        """Forget him and every chunk."""
        self.sender.forget()
        self.clear()

    def begin_task(self, observation_stamp: float, now: float) -> None:
        """The next chunk follows another task: nothing of it was played yet. Where it took long (it was decided on what
        was seen at `observation_stamp`), the robot is elsewhere by now, and the chunk begins as after a halt."""
        if now - observation_stamp > self._silence:
            self.clear()
        self._delay.begin_anew()
        self._clock.begin_anew(now)

    def add(
        self, chunk: ActionChunk, rows: Array, posture: Array, now: float, monotonic: float, rest_in: float = 0.0
    ) -> None:
        """Take over to a chunk. `rows` (H, J): its positions for all joints. `posture` (J,): the commanded one.

        Args: rest_in: s until a robot that something else has moved rests in `posture`. A first chunk fades in the
        slower the longer that takes, since it was decided about a robot in motion.
        Raises: CommandError with reason `stale` when the chunk ended before `now`.
        """
        curve = Curve(chunk.stamp, chunk.step_dt, rows)
        lag = now - chunk.stamp if self._naive else self._clock.stood(chunk.observation_stamp, now)
        over = now - lag - chunk.stamp - chunk.step_dt * len(rows)
        if over > 0.0:
            raise CommandError("stale", f"chunk ended {over:.3f} s ago")
        self._delay.arrived(chunk.observation_stamp, now)
        if self._naive:
            self._layers, self._now = [], now
        elif not self._layers:
            self._anchor, self._anchor_age, self._now = posture.copy(), 0.0, now
            away = float(np.max(np.abs(curve.at(now - lag) - posture), initial=0.0))
            self._anchor_fade = max(self._crossfade, 1.5 * away / self._takeover_speed, _SETTLING * rest_in)
        for layer in self._layers:
            layer.speed *= self._rate
        self._rate, self._arrival = 1.0, monotonic
        self._waiting = _Layer(curve, chunk.observation_stamp, lag)
        self._begin_waiting()

    def sample(self, now: float, monotonic: float) -> tuple[Array | None, float | None]:
        """Joint targets for `now`, (J,) rad, and the observation stamp of a chunk played for the first time.

        (None, None) when nothing is playing: the robot should hold.
        """
        dt = max(now - self._now, 0.0)
        self._now = now
        hung = self.sender.silent(monotonic, self._silence)
        if self._layers and (hung or self._must_slow_down(now, monotonic)):
            self._rate = max(0.0, self._rate - dt / (_HUNG if hung else 1.0) / self._slow_down)
            if self._rate == 0.0:
                self.clear()
        self._clock.tick(now, self._rate if self._layers else 0.0)
        if not self._layers:
            return None, None
        target = self._blend(now, dt)
        self._begin_waiting()
        newest = self._layers[-1]
        first, newest.played = not newest.played, True
        return self._leave_anchor(target, dt), newest.observation_stamp if first else None

    def _must_slow_down(self, now: float, monotonic: float) -> bool:
        """No chunk for longer than expected of this policy, or the last one of a slow policy is nearly over."""
        if self._naive or self._delay.expected > self._silence:
            newest = self._layers[-1]
            left = newest.curve.end - (now - newest.lag)
            if left < (0.0 if self._naive else 0.5 * self._slow_down) or self._rate < 1.0:
                return True
        return not self._naive and monotonic - self._arrival > self._delay.patience(self._silence)

    def _begin_waiting(self) -> None:
        """Fade in the newest chunk, unless so many fade already that dropping one would be a jump."""
        if self._waiting is not None and len(self._layers) < _MOST_LAYERS:
            self._layers.append(self._waiting)
            self._waiting = None

    def _blend(self, now: float, dt: float) -> Array:
        """All layers in one product: each newer one fades in over what the older ones add up to."""
        factors: list[float] = []
        rows: list[Array] = []
        remaining = 1.0
        for i in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[i]
            layer.lag += dt * (1.0 - self._rate * layer.speed)
            layer.age += dt * self._rate
            weight = smooth_step(layer.age / self._crossfade) if i else 1.0
            k, weights = layer.curve.weights(now - layer.lag)
            factors.extend(remaining * weight * w for w in weights)
            rows.append(layer.curve.rows[k : k + 4])
            remaining *= 1.0 - weight
            if weight >= 1.0:
                del self._layers[:i]
                break
        blended: Array = np.array(factors) @ np.concatenate(rows)
        return blended

    def _leave_anchor(self, target: Array, dt: float) -> Array:
        if self._anchor is None:
            return target
        self._anchor_age += dt * self._rate
        weight = smooth_step(self._anchor_age / self._anchor_fade)
        if weight >= 1.0:
            self._anchor = None
            return target
        return self._anchor + weight * (target - self._anchor)
