"""How long a camera picture takes from one process to another: ours beside sensor_msgs/Image and iceoryx2, in one run.

    .venv/bin/python bench/image_hop.py            a table; iceoryx2 takes part where it is installed
    .venv/bin/python bench/image_hop.py --json     one line of JSON last

default    rclpy as it comes: sensor_msgs/Image, EventsExecutor, the pixels handed to C without Python lists
profile    the same with shared-memory segments that hold a picture (config/fastdds.xml)
iceoryx2   loan, copy, send, notify; the reader waits for the event and looks at the sample (pip install iceoryx2)
ours       ros/pictures.py: the reader looks at the pixels where they are, and knows that they were whole
ours_kept  the same, and the reader makes a copy of its own

A sender publishes 30 pictures a second out of its own memory. Time runs from just before it hands a picture over until
the reader has its pixels in an array and has looked at two of them. Everyone takes turns, there and back (ABBA):
medians of all pictures, and how far apart the medians of both turns are. CPU: user and system time of both processes
for each picture.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optimus_nodes.cli.environment import free_domain, graph_environment  # noqa: E402
from optimus_nodes.core.values import ImageArray  # noqa: E402

SIZES = {"vga": (480, 640), "full_hd": (1080, 1920)}
HOW = ("default", "profile", "iceoryx2", "ours", "ours_kept")
PERIOD, WARM_UP, SOURCES = 1.0 / 30.0, 15, 4
READY = "ready"


class Reader:
    """Notes how old pictures are when their pixels are there. A picture begins and ends with its number."""

    def __init__(self, pictures: int) -> None:
        self.pictures, self.ages, self._seen = pictures, [], 0
        self._used = 0.0

    def look(self, sent: float, pixels: ImageArray) -> None:
        first, last = int(pixels[0, 0, 0]), int(pixels[-1, -1, 2])
        age = time.monotonic() - sent
        assert first == last, f"a picture that begins as {first} and ends as {last}"
        self._seen += 1
        if self._seen == WARM_UP:
            self._used = cpu()
        elif self._seen > WARM_UP:
            self.ages.append(age)
        if self.done:
            print(json.dumps({"ages": self.ages, "cpu": (cpu() - self._used) / len(self.ages)}), flush=True)

    @property
    def done(self) -> bool:
        return len(self.ages) >= self.pictures


def cpu() -> float:
    """User and system time of this process, s."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read_ros(how: str, reader: Reader) -> None:
    """Spin a node until the reader has enough."""
    import rclpy
    from rclpy.experimental import EventsExecutor
    from rclpy.node import Node
    from rclpy.task import Future
    from sensor_msgs.msg import Image

    from optimus_nodes.ros import convert, qos
    from optimus_nodes.ros.pictures import Picture, PictureSubscription

    rclpy.init()
    node = Node("reader")

    def seen(picture: Picture) -> None:
        pixels = picture.kept() if how == "ours_kept" else picture.pixels
        if pixels is not None:
            reader.look(picture.stamp, pixels)
        assert picture.whole()

    def heard(message: Image) -> None:
        pixels, stamp = convert.image_from_msg(message)
        reader.look(stamp, pixels)

    if how.startswith("ours"):
        PictureSubscription(node, "head", seen)
    else:
        node.create_subscription(Image, "head/image_raw", heard, qos.IMAGE)
    executor = EventsExecutor()
    executor.add_node(node)
    never: Future = Future()
    print(READY, flush=True)
    while not reader.done:
        executor.spin_until_future_complete(never, timeout_sec=0.5)
    os._exit(0)  # rclpy is not asked to end: that is not what is measured


def send_ros(how: str) -> Callable[[float, ImageArray], None]:
    """What publishes a picture."""
    import rclpy
    from rclpy.node import Node
    from sensor_msgs.msg import Image

    from optimus_nodes.ros import convert, qos
    from optimus_nodes.ros.pictures import PicturePublisher

    rclpy.init()
    node = Node("sender")
    if how.startswith("ours"):
        pictures = PicturePublisher(node, "head", "head_optical_frame")
        return lambda stamp, pixels: pictures.publish(pixels, stamp)
    publisher = node.create_publisher(Image, "head/image_raw", qos.IMAGE)
    return lambda stamp, pixels: publisher.publish(convert.image_to_msg(pixels, stamp, "head_optical_frame"))


class Iceoryx:
    """Both ends of iceoryx2's publish-subscribe with an event that says that something came."""

    def __init__(self, height: int, width: int, domain: str) -> None:
        import ctypes

        import iceoryx2 as iox2

        iox2.set_log_level(iox2.LogLevel.Error)
        self._shape, self._stamp = (height, width, 3), np.dtype("<f8")
        self.size = 8 + height * width * 3
        self._iox2 = iox2
        self.node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        name = f"image_hop_{domain}"
        self.pictures = (
            self.node.service_builder(iox2.ServiceName.new(name))
            .publish_subscribe(iox2.Slice[ctypes.c_uint8])
            .open_or_create()
        )
        self.event = self.node.service_builder(iox2.ServiceName.new(name)).event().open_or_create()

    def sender(self) -> Callable[[float, ImageArray], None]:
        publisher = self.pictures.publisher_builder().initial_max_slice_len(self.size).create()
        notifier = self.event.notifier_builder().create()

        def send(stamp: float, pixels: ImageArray) -> None:
            sample = publisher.loan_slice_uninit(self.size)
            memory = self._array(sample.payload())
            memory[:8].view(self._stamp)[0] = stamp
            memory[8:].reshape(self._shape)[:] = pixels
            sample.assume_init().send()
            notifier.notify()

        return send

    def read(self, reader: Reader) -> None:
        subscriber = self.pictures.subscriber_builder().create()
        listener = self.event.listener_builder().create()
        print(READY, flush=True)
        while not reader.done:
            listener.timed_wait(self._iox2.Duration.from_millis(500))
            while (sample := subscriber.receive()) is not None:
                memory = self._array(sample.payload())
                reader.look(float(memory[:8].view(self._stamp)[0]), memory[8:].reshape(self._shape))
                del memory
                sample.delete()

    def _array(self, payload: Any) -> np.ndarray:
        return np.frombuffer(payload.as_memory_view(), np.uint8, self.size)


def end(role: str, how: str, size: str, pictures: int) -> None:
    """One of the two processes of a turn."""
    height, width = SIZES[size]
    if role == "read":
        reader = Reader(pictures)
        if how == "iceoryx2":
            Iceoryx(height, width, os.environ["ROS_DOMAIN_ID"]).read(reader)
        else:
            read_ros(how, reader)
        return
    iceoryx = Iceoryx(height, width, os.environ["ROS_DOMAIN_ID"]) if how == "iceoryx2" else None
    send = iceoryx.sender() if iceoryx is not None else send_ros(how)
    noise = np.random.default_rng(0)
    sources = [noise.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(SOURCES)]
    due, number, used = time.monotonic() + 1.0, 0, 0.0
    while os.getppid() != 1:
        time.sleep(max(0.0, due - time.monotonic()))
        pixels = sources[number % SOURCES]
        pixels[0, 0, 0] = pixels[-1, -1, 2] = number % 256
        if number == WARM_UP:
            used = cpu()
        send(time.monotonic(), pixels)
        number, due = number + 1, due + PERIOD
        if number > WARM_UP and number % 10 == 0:
            print((cpu() - used) / (number - WARM_UP), flush=True)


def turn(how: str, size: str, pictures: int) -> tuple[list[float], float]:
    """Ages s of the pictures, and CPU s of both processes for each of them."""
    environment = {**graph_environment(free_domain()), "PYTHONPATH": str(ROOT)}
    if how == "default":  # an empty profile: rclpy's own settings
        environment.pop("FASTRTPS_DEFAULT_PROFILES_FILE", None)
    command = [sys.executable, __file__, "--how", how, "--size", size, "--pictures", str(pictures), "--role"]
    start = partial(subprocess.Popen, stdout=subprocess.PIPE, text=True, env=environment)
    with start([*command, "read"]) as reader, start([*command, "send"]) as sender:
        try:
            assert reader.stdout is not None and sender.stdout is not None
            if reader.stdout.readline().strip() != READY:
                sys.exit(f"{how} does not start")
            told = json.loads(reader.stdout.readline())
        finally:
            sender.kill()
            reader.kill()
        return told["ages"], told["cpu"] + float(sender.stdout.read().split()[-1])


def compare(size: str, ways: tuple[str, ...], pictures: int) -> dict[str, dict[str, float]]:
    """Figures for each way, ms."""
    ages: dict[str, list[list[float]]] = {how: [] for how in ways}
    used: dict[str, list[float]] = {how: [] for how in ways}
    for how in (*ways, *reversed(ways)):
        print(f"{size} {how} ...", end="\r", file=sys.stderr, flush=True)
        age, cost = turn(how, size, pictures)
        ages[how].append(age)
        used[how].append(cost)
    figures = {}
    for how in ways:
        every = np.concatenate(ages[how]) * 1e3
        medians = [float(np.median(turn)) * 1e3 for turn in ages[how]]
        figures[how] = {
            "p50_ms": round(float(np.median(every)), 4),
            "p99_ms": round(float(np.percentile(every, 99.0)), 4),
            "spread_ms": round(abs(medians[0] - medians[1]), 4),
            "cpu_ms": round(float(np.mean(used[how])) * 1e3, 3),
        }
    return figures


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=90, help="of each turn")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", choices=("read", "send"), help=argparse.SUPPRESS)
    parser.add_argument("--how", choices=HOW, help=argparse.SUPPRESS)
    parser.add_argument("--size", choices=tuple(SIZES), help="only this one")
    options = parser.parse_args()
    if options.role:
        end(options.role, options.how, options.size, options.pictures)
        return
    ways = tuple(how for how in HOW if how != "iceoryx2" or importlib.util.find_spec("iceoryx2"))
    result: dict[str, Any] = {}
    for size in (options.size,) if options.size else SIZES:
        figures = compare(size, ways, options.pictures)
        ours = figures["ours"]["p50_ms"]
        result[size] = {
            **{f"ratio_{how}": round(figures[how]["p50_ms"] / ours, 1) for how in ways if not how.startswith("ours")},
            "kept_ratio_default": round(figures["default"]["p50_ms"] / figures["ours_kept"]["p50_ms"], 1),
            "kept_ratio_profile": round(figures["profile"]["p50_ms"] / figures["ours_kept"]["p50_ms"], 1),
            **figures,
        }
        height, width = SIZES[size]
        print(f"{size}, {width}x{height}: median of the ages, 99th percentile, between turns, CPU for each picture, ms")
        for how, row in figures.items():
            print(f"  {how:10}" + "".join(f"{value:10.3f}" for value in row.values()))
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
