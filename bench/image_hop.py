"""How long a camera picture takes from one process to another: ours beside sensor_msgs/Image and iceoryx2, in one run.

    .venv/bin/python bench/image_hop.py            a table; iceoryx2 takes part where it is installed
    .venv/bin/python bench/image_hop.py --json     one line of JSON last

default    rclpy as it comes: sensor_msgs/Image, EventsExecutor, the pixels handed to C without Python lists
profile    the same with shared-memory segments that hold a picture (config/fastdds.xml)
iceoryx2   loan, send, notify; the reader waits for the event and looks at the sample (pip install iceoryx2)
packet     eight bytes by a socket and no picture at all: what it costs to wake somebody who sleeps
ours       ros/pictures.py: the reader looks at the pixels where they are, and knows that they were whole
ours_kept  the same, and the reader makes a copy of its own
ours_late  the sender's picture was made elsewhere, and is copied when it is handed over

A sender publishes 30 pictures a second. Each was made before, in the sender's own memory, or in memory that ours and
iceoryx2 lend for it, as camera_node makes its pictures (PicturePublisher.memory). Time runs from just before the sender
hands a picture over until the reader has its pixels in an array and has looked at two of them. Everyone takes turns,
there and back (ABBA): medians of all pictures, and how far apart the medians of both turns are. CPU: user and system
time of both processes for each picture, making it included.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import struct
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hops import READY, Ages, packet_sender, packets, send_on_time, show, spin, there_and_back, turn

from optimus_nodes.core.values import ImageArray

SIZES = {"vga": (480, 640), "full_hd": (1080, 1920)}
HOW = ("default", "profile", "iceoryx2", "packet", "ours", "ours_kept", "ours_late")
PERIOD, WARM_UP, SOURCES = 1.0 / 30.0, 15, 4
PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"


class Reader:
    """Looks at the first and at the last pixel of each picture, which are its number."""

    def __init__(self, pictures: int) -> None:
        self.ages = Ages(pictures, WARM_UP)

    def look(self, sent: float, pixels: ImageArray) -> None:
        first, last = int(pixels[0, 0, 0]), int(pixels[-1, -1, 2])
        self.ages.add(sent)
        assert first == last, f"a picture that begins as {first} and ends as {last}"


def read_ros(how: str, reader: Reader) -> None:
    """Spin a node until the reader has enough."""
    import rclpy
    from rclpy.experimental import EventsExecutor
    from rclpy.node import Node
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
    spin(node, EventsExecutor())


class Sender(NamedTuple):
    """`memory()`: where to make the next picture, None for anywhere. `send(stamp, pixels)` publishes it."""

    memory: Callable[[], ImageArray | None]
    send: Callable[[float, ImageArray], None]


def send_ros(how: str, height: int, width: int) -> Sender:
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
        memory = (lambda: None) if how == "ours_late" else (lambda: pictures.memory(height, width))
        return Sender(memory, lambda stamp, pixels: pictures.publish(pixels, stamp))
    publisher = node.create_publisher(Image, "head/image_raw", qos.IMAGE)
    return Sender(
        lambda: None,
        lambda stamp, pixels: publisher.publish(convert.image_to_msg(pixels, stamp, "head_optical_frame")),
    )


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

    def sender(self) -> Sender:
        publisher = self.pictures.publisher_builder().initial_max_slice_len(self.size).create()
        notifier = self.event.notifier_builder().create()
        lent: list[Any] = []

        def memory() -> ImageArray:
            lent[:] = [publisher.loan_slice_uninit(self.size)]
            return self._array(lent[0].payload())[8:].reshape(self._shape)

        def send(stamp: float, pixels: ImageArray) -> None:
            sample = lent.pop()
            self._array(sample.payload())[:8].view(self._stamp)[0] = stamp
            sample.assume_init().send()
            notifier.notify()

        return Sender(memory, send)

    def read(self, reader: Reader) -> None:
        subscriber = self.pictures.subscriber_builder().create()
        listener = self.event.listener_builder().create()
        print(READY, flush=True)
        while not reader.ages.done:
            listener.timed_wait(self._iox2.Duration.from_millis(500))
            while (sample := subscriber.receive()) is not None:
                memory = self._array(sample.payload())
                reader.look(float(memory[:8].view(self._stamp)[0]), memory[8:].reshape(self._shape))
                del memory
                sample.delete()

    def _array(self, payload: Any) -> np.ndarray:
        return np.frombuffer(payload.as_memory_view(), np.uint8, self.size)


class Packet:
    """Two ends of a socket."""

    def sender(self) -> Sender:
        send = packet_sender()
        return Sender(lambda: None, lambda stamp, pixels: send(struct.pack("<d", stamp)))

    def read(self, reader: Reader) -> None:
        for data in packets():
            reader.ages.add(struct.unpack("<d", data)[0])


def end(role: str, how: str, size: str, pictures: int) -> None:
    """One of the two processes of a turn."""
    height, width = SIZES[size]
    domain = os.environ["ROS_DOMAIN_ID"]
    without_ros = {"iceoryx2": lambda: Iceoryx(height, width, domain), "packet": Packet}
    ends = without_ros[how]() if how in without_ros else None
    if role == "read":
        reader = Reader(pictures)
        read_ros(how, reader) if ends is None else ends.read(reader)
        return
    sender = send_ros(how, height, width) if ends is None else ends.sender()
    noise = np.random.default_rng(0)
    sources = [noise.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(SOURCES)]

    own = np.zeros((height, width, 3), np.uint8)

    def make(number: int) -> ImageArray:
        lent = sender.memory()
        pixels = own if lent is None else lent
        pixels[:] = sources[number % SOURCES]
        pixels[0, 0, 0] = pixels[-1, -1, 2] = number % 256
        return pixels

    send_on_time(sender.send, PERIOD, WARM_UP, report=10, make=make)


def compare(size: str, ways: tuple[str, ...], pictures: int) -> dict[str, Any]:
    """Figures for each way, and how often better ours is."""

    def take(how: str) -> tuple[list[float], float]:
        command = [sys.executable, __file__, "--how", how, "--size", size, "--pictures", str(pictures)]
        return turn(command, {PROFILE: None} if how == "default" else {})

    figures = there_and_back(ways, take, size)
    height, width = SIZES[size]
    show(f"{size}, {width}x{height}", figures)

    def ratio(peer: str, ours: str) -> float:
        return round(figures[peer]["p50_ms"] / figures[ours]["p50_ms"], 1)

    peers = [how for how in ways if not how.startswith("ours")]
    ratios = {f"ratio_{peer}": ratio(peer, "ours") for peer in peers}
    return {**ratios, **{f"kept_ratio_{peer}": ratio(peer, "ours_kept") for peer in peers}, **figures}


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
    result = {size: compare(size, ways, options.pictures) for size in ((options.size,) if options.size else SIZES)}
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
