"""Streams in, episodes on disk out. One thread uses it; nothing of ROS is known here.

Pictures are always being compressed, so that the last seconds are at hand when something goes wrong and a recording
begins with the very next frame. While nothing is recorded they go round in memory.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.episode import EpisodeInfo, Event, FrameRow, Outcome
from ..core.errors import ConfigError, DeviceError
from ..core.frame_grid import Frame, FrameGrid, StreamError
from ..core.sync import StreamTimes, SyncLimits, accept, sync_report
from ..core.values import Array, ImageArray, JointState
from .episode_files import Draft, EpisodeFiles, rehearse
from .files import DatasetError, is_disk_full
from .finishing import Finisher
from .stats import sample
from .store import Saved, Store
from .streams import Channel, Streams, Syncer
from .timing import StampLog
from .video import Encoder, Encoding, Packet

_MARGIN_S = 1.0  # messages and stamps are kept for so long before the oldest frame in memory


@dataclass(frozen=True)
class RecorderConfig:
    """How to record. See config/recorder.yaml."""

    past: float = field(default=30.0, metadata={"doc": "Seconds kept in memory while nothing is recorded. 0 to 300."})
    patience: float = field(default=0.4, metadata={"doc": "How long a frame waits for a late stream, s."})
    max_gap: float = field(default=2.0, metadata={"doc": "Longest silence of a camera within an episode, s."})
    min_free_mb: int = field(default=500, metadata={"doc": "Recording stops when less of the disk is free."})
    preset: str = field(default="ultrafast", metadata={"doc": "x264 preset: ultrafast, superfast, veryfast, ..."})
    crf: int = field(default=24, metadata={"doc": "x264 quality, 0 to 51: lower is better and larger."})
    key_every: float = field(default=0.5, metadata={"doc": "Seconds between pictures that can be decoded alone."})
    sync: SyncLimits = field(default_factory=SyncLimits)

    def __post_init__(self) -> None:
        if not 0.0 <= self.past <= 300.0 or not 0.05 <= self.key_every <= 10.0 or self.min_free_mb < 0:
            raise ConfigError(
                f"past {self.past} s must be 0 to 300, key_every {self.key_every} s 0.05 to 10, "
                f"min_free_mb {self.min_free_mb} 0 or more"
            )
        Encoding(self.preset, self.crf)


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    row: FrameRow
    packets: Mapping[str, Packet]
    samples: Mapping[str, ImageArray] | None
    stamps: Mapping[str, float]

    @property
    def key(self) -> bool:
        return self.samples is not None


class Recorder:
    """Args: channels: the streams by the short name used in `message`. frames: camera name -> its optical frame.

    say: told in words what happened. urdf: attached to every MCAP file. latched: streams whose last message holds on,
    so that every MCAP file begins with it. rates: how often pictures should come, Hz, by camera.
    """

    def __init__(
        self,
        store: Store,
        config: RecorderConfig,
        channels: Mapping[str, Channel],
        video_channels: Mapping[str, Channel],
        frames: Mapping[str, str],
        say: Callable[[str], None] = lambda text: None,
        urdf: str = "",
        latched: Collection[str] = (),
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self._latched: dict[str, tuple[float, bytes] | None] = dict.fromkeys(latched)
        self.store, self._config, self._say, self._urdf = store, config, say, urdf
        self._channels, self._video_channels, self._frames = channels, video_channels, frames
        contract = store.contract
        self._key_every = max(1, round(config.key_every * contract.fps))
        encoding = Encoding(config.preset, config.crf, 10 * self._key_every)  # key frames come when they are asked for
        self._encoders = {name: Encoder(w, h, contract.fps, encoding) for name, h, w in contract.cameras}
        self._rates, self._stamps = rates or {}, StampLog()
        self._grid = self._new_grid()
        self._begin, self._since_key = 0.0, 0
        self._past: deque[_Encoded] = deque(maxlen=max(1, int(config.past * contract.fps)))
        self._past_messages: deque[tuple[float, str, bytes]] = deque()
        self._wanted: EpisodeInfo | None = None
        self._episode: EpisodeFiles | None = None
        self._mcap: Streams | None = None
        self._early: list[tuple[float, str, str]] = []
        self._syncer: Syncer | None = None
        self._now, self._task, self._policy = 0.0, "", ""
        self._beside, self.finisher = ThreadPoolExecutor(2, "saving"), Finisher(store, say)
        self.problem, self.dropped = "", 0
        self.last: Saved | None = None
        rehearse(contract)

    @property
    def recording(self) -> bool:
        """Whether an episode is running or begins with the next frame."""
        return self._episode is not None or self._wanted is not None

    @property
    def instruction(self) -> str:
        """Of the running episode."""
        info = self._episode.info if self._episode else self._wanted
        return info.instruction if info else ""

    @property
    def seconds(self) -> float:
        """Length of the running episode, s."""
        return self._episode.frames / self.store.contract.fps if self._episode else 0.0

    def missing(self) -> list[str]:
        """Topics that have not come yet."""
        return self._grid.missing()

    def on_picture(self, camera: str, stamp: float, pixels: ImageArray) -> None:
        """A picture (H, W, 3) uint8 RGB."""
        self._stamps.add(camera, stamp)
        self._guarded(lambda: self._grid.on_picture(camera, stamp, pixels))

    def on_joints(self, state: JointState) -> None:
        """Measured joints, (J,)."""
        self._now = state.stamp
        self._stamps.add("joint_states", state.stamp)
        self._guarded(lambda: self._grid.on_joints(state))

    def on_applied(self, stamp: float, position: Array) -> None:
        """What the driver applied, (J,) rad; makes the frames that are complete now."""
        self._stamps.add("applied_joint_commands", stamp)
        self._guarded(lambda: self._grid.on_applied(stamp, position))
        self._guarded(self._advance)

    def on_touch(self, stamp: float, names: tuple[str, ...], force: Array) -> None:
        """Touch, (N,) N."""
        self._stamps.add(f"tactile {names[0].split('_')[0]}", stamp)
        self._guarded(lambda: self._grid.on_touch(stamp, names, force))

    def on_owner(self, stamp: float, owner: str) -> None:
        """Who moves the robot from now on."""
        self._grid.on_owner(stamp, owner)

    def on_task(self, sentence: str) -> None:
        """The sub-instruction in force; the instruction counts while there is none."""
        self._task = sentence

    def on_policy(self, policy_id: str) -> None:
        """The policy whose chunks move the robot now."""
        self._policy = policy_id

    def on_message(self, name: str, log_time: float, data: bytes) -> None:
        """A serialised message of a stream, for the MCAP file. `log_time`: when it arrived, s since 1970."""
        if name in self._latched:
            self._latched[name] = (log_time, data)
        if self._mcap is not None:
            self._on_disk(lambda: self._mcap.write(name, log_time, data) if self._mcap else None)
            return
        self._past_messages.append((log_time, name, data))
        while self._past_messages and log_time - self._past_messages[0][0] > self._config.past + _MARGIN_S:
            self._past_messages.popleft()

    def start(self, info: EpisodeInfo, patient: bool = False) -> str:
        """Begin an episode with the next frame. Returns why not, "" when it does.

        `patient`: streams may still be missing; it begins when they are there.
        """
        if self.recording:
            return f"an episode is running already ({self.instruction!r}); stop or cancel it first"
        if self.missing() and not patient:
            return f"nothing comes on {', '.join(self.missing())}; is the robot running, and its cameras?"
        if problem := self._disk_problem():
            return problem
        self.problem = ""
        self._wanted = self._dated(info)
        self._early = []
        return ""

    def event(self, kind: str, text: str) -> None:
        """Something happened now."""
        if self._episode is not None:
            self._note(self._now, kind, text)
        elif self._wanted is not None:
            self._early.append((self._now, kind, text))

    def stop(self, outcome: Outcome) -> Saved | None:
        """End the running episode and save it; None when there is none, or not one frame of it."""
        self._wanted = None
        if self._episode is None:
            return None
        episode, streams = self._end_streams()
        try:
            try:
                draft = episode.finish(outcome)
                times = draft.rows["capture_time"]
                stamps = self._stamps.between(times[0] - 1e-3, times[-1] + 1e-3)
                judged = self._beside.submit(self._judge_timing, draft, stamps)
                ended = draft.wait
                draft.wait = lambda: (ended(), self._await(streams), judged.result())
            except BaseException:
                self._await(streams)
                raise
            if draft.info.operator == "policy" and not draft.info.policy_id:
                draft.info = replace(draft.info, policy_id=self._policy)
            self.last = self.store.save(draft)
        except OSError as error:
            self._disk_failed(error)
            return None
        except DatasetError as error:
            self._say(str(error))
            return None
        self.finisher.add(self.last.episode)
        return self.last

    def cancel(self) -> Path | None:
        """End the running episode and set it aside; None when there is none."""
        self._wanted = None
        if self._episode is None:
            return None
        episode, streams = self._end_streams()
        self._await(streams)
        episode.abandon()
        return self.store.set_aside(episode.folder, "cancelled by a person")

    def keep_past(self, info: EpisodeInfo, outcome: Outcome) -> Saved | None:
        """Save what is in memory as an episode; None when there is nothing, or an episode is running."""
        if self.recording or self._disk_problem():
            return None
        while self._past and not self._past[0].key:
            self._past.popleft()
        if not self._past:
            return None
        frames, messages = list(self._past), list(self._past_messages)
        try:
            self._open(self._dated(info), frames[0])
            for log_time, name, data in messages:
                assert self._mcap is not None
                self._mcap.write(name, log_time, data)
            for one in frames:
                self._write(one)
        except OSError as error:
            self._disk_failed(error)
            return None
        self.event("recorder", f"kept from memory: {outcome.reason}")
        return self.stop(outcome)

    def close(self) -> None:
        """Save a running episode and let go of the data set."""
        self.stop(Outcome(False, "the recorder was ended", "recorder"))
        self.finisher.close()
        self.store.close()

    def _advance(self) -> None:
        for frame in self._grid.ready():
            encoded = self._encode(frame)
            if self._wanted is not None:
                self._on_disk(lambda: self._open(self._wanted or EpisodeInfo(), encoded))  # noqa: B023
            if self._episode is not None:
                self._on_disk(lambda: self._write(encoded))  # noqa: B023
            else:
                self._past.append(encoded)
                self._stamps.forget(self._past[0].row.capture_time - _MARGIN_S)

    def _encode(self, frame: Frame) -> _Encoded:
        key = self._wanted is not None or self._since_key % self._key_every == 0
        self._since_key = 1 if key else self._since_key + 1
        pixels = {name: picture for name, (_, picture, _) in frame.pictures.items()}
        packets = {name: self._encoders[name].encode(pixels[name], key) for name in pixels}
        samples = {name: sample(one) for name, one in pixels.items()} if key else None
        row = replace(frame.row, task=self._task)
        return _Encoded(row, packets, samples, {name: stamp for name, (stamp, _, _) in frame.pictures.items()})

    def _open(self, info: EpisodeInfo, first: _Encoded) -> None:
        self._wanted = None
        self._episode = self.store.begin(info)
        self._mcap = Streams(self._episode.mcap, self._channels, self._video_channels, self._frames, self._urdf)
        self._begin = first.row.capture_time
        self._past.clear()  # what is kept from memory later begins after this episode: it has no hole
        self._past_messages.clear()
        self._stamps.forget(self._begin - _MARGIN_S)
        for name, last in self._latched.items():
            if last is not None:
                self._mcap.write(name, *last)
        self._syncer = Syncer(self._episode, self._mcap)
        for stamp, kind, text in self._early:
            self._note(stamp, kind, text)
        self._early = []

    def _write(self, one: _Encoded) -> None:
        assert self._episode is not None and self._mcap is not None and self._syncer is not None
        row = one.row if one.row.task else replace(one.row, task=self._episode.info.instruction)
        self._episode.add(row, one.packets, one.samples)
        for name, packet in one.packets.items():
            self._mcap.video(name, one.stamps[name], packet)
        self._syncer.due()
        if self._episode.frames % self.store.contract.fps == 0 and (problem := self._disk_problem()):
            self._say(problem)
            self.problem = problem
            self.stop(Outcome(False, "the disk was nearly full", "recorder"))

    def _note(self, stamp: float, kind: str, text: str) -> None:
        episode, at = self._episode, max(0.0, stamp - self._begin)
        if episode is not None:
            self._on_disk(lambda: episode.event(Event(round(at, 4), kind, text)))

    def _end_streams(self) -> tuple[EpisodeFiles, Future[None]]:
        """The episode, and the end of its streams, which are brought to the disk meanwhile."""
        assert self._episode is not None and self._mcap is not None and self._syncer is not None
        episode, mcap, syncer = self._episode, self._mcap, self._syncer
        self._episode = self._mcap = None
        return episode, self._beside.submit(lambda: (syncer.stop(), mcap.close())[1])

    def _await(self, streams: Future[None]) -> None:
        try:
            streams.result()
        except OSError as error:
            self._say(f"the streams of the episode are cut short: {error}")

    def _guarded(self, work: Callable[[], None]) -> None:
        """A stream that can't be recorded any further ends the episode, with its reason; the next one begins anew."""
        try:
            work()
        except StreamError as error:
            self._say(str(error))
            self.event("recorder", str(error))
            self._grid = self._new_grid()
            self._past.clear()
            self.problem = str(error)
            if self._episode is not None:
                self.stop(Outcome(False, str(error), "recorder"))
            self._stamps = StampLog()
        except DeviceError as error:
            self.dropped += 1
            self._say(str(error))

    def _on_disk(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._disk_failed(error)

    def _disk_failed(self, error: OSError) -> None:
        """Stop recording; what is on the disk is repaired at the next start. The robot does not notice."""
        full = is_disk_full(error)
        self.problem = (
            f"recording stopped: {'the disk is full' if full else error} ({self.store.layout.root}); what was recorded "
            "up to then is repaired when the recorder starts again; make room, or choose another folder"
        )
        self._wanted = None
        if self._episode is not None:
            folder = self._episode
            if self._syncer is not None:
                self._syncer.stop()
            self._episode = self._mcap = None
            folder.abandon()
        self._say(self.problem)

    def _disk_problem(self) -> str:
        free = shutil.disk_usage(self.store.layout.root).free // 2**20
        if free >= self._config.min_free_mb:
            return ""
        return (
            f"only {free} MB are free in {self.store.layout.root}; recording needs {self._config.min_free_mb} MB "
            "(min_free_mb in config/recorder.yaml): make room or choose another folder"
        )

    def _judge_timing(self, draft: Draft, stamps: dict[str, NDArray[np.float64]]) -> None:
        """How well the streams of the episode fit together in time, and whether that is good enough."""
        streams = []
        for name, values in stamps.items():
            usual = 1.0 / float(np.median(np.diff(values))) if len(values) > 1 and np.ptp(values) > 0.0 else None
            one = StreamTimes(name, self._rates.get(name, usual))
            one.add_all(values)
            streams.append(one)
        draft.sync = sync_report(streams, self._grid.reference, draft.rows["capture_time"])
        draft.refused = accept(draft.sync, self._config.sync)
        np.savez(draft.folder / "sync.npz", **stamps)

    def _dated(self, info: EpisodeInfo) -> EpisodeInfo:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        return replace(info, robot=self.store.contract.robot, started_at=info.started_at or now)

    def _new_grid(self) -> FrameGrid:
        return FrameGrid(self.store.contract, self._config.patience, self._config.max_gap)
