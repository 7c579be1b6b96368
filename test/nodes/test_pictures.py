"""Camera pictures between nodes: by shared memory where that goes, as ordinary messages where it does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from camera_fakes import write_pictures
from optimus_humanoid.msg import SharedImage
from sensor_msgs.msg import Image
from sim_bench import Bench, Heard, stop, wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.pictures import Picture, PictureSubscription

SIZE = ("width:=160", "height:=120")
PIXELS = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as bench:
        yield bench


class Seen(list[Picture]):
    """Pictures of the head camera, those of shared memory as copies; `how` says which of them it was."""

    def __init__(self, listener: Companion) -> None:
        super().__init__()
        self.how: list[str] = []
        self.refused: list[DeviceError] = []
        self._subscription = PictureSubscription(listener.node, "head", self._take, self.refused.append)

    def _take(self, picture: Picture) -> None:
        pixels = picture.kept()
        assert pixels is not None
        self.append(Picture(picture.stamp, pixels))
        self.how.append("plain" if picture.shared is None else "shared")


@pytest.fixture
def camera(bench: Bench, tmp_path: Path) -> Callable[[], object]:
    folder = write_pictures(tmp_path / "p", 6)
    return lambda: bench.start("camera_node", f"source:={folder}", "loop:=true", *SIZE)


def test_pictures_of_our_own_cameras_come_by_shared_memory_and_no_others_are_sent(bench: Bench, camera) -> None:
    camera()
    listener = bench.listen()
    seen = Seen(listener)
    wait_for(lambda: len(seen) > 20, listener, 20.0, "20 pictures")
    assert set(seen.how[-10:]) == {"shared"}
    assert listener.node.count_publishers("head/image_raw") == 1
    assert listener.node.count_subscribers("head/image_raw") == 0


def test_who_listens_to_the_ordinary_topic_sees_the_same_pixels(bench: Bench, camera) -> None:
    camera()
    listener = bench.listen()
    seen, plain = Seen(listener), Heard(listener, Image, "head/image_raw", qos.IMAGE)
    wait_for(lambda: len(seen) > 20 and len(plain) > 20, listener, 20.0, "20 pictures")
    assert set(seen.how[-10:]) == {"shared"}, "others may listen as they like"
    ordinary = {stamp: message for stamp, (_, message) in zip(plain.stamps(), plain, strict=True)}
    both = [picture for picture in seen if picture.stamp in ordinary]
    assert len(both) > 10
    for picture in both:
        message = ordinary[picture.stamp]
        assert message.header.frame_id == "head_optical_frame"
        np.testing.assert_array_equal(picture.pixels, convert.image_from_msg(message)[0])


def test_a_camera_that_is_killed_and_started_again_is_seen_again(bench: Bench, camera) -> None:
    process = camera()
    listener = bench.listen()
    seen = Seen(listener)
    wait_for(lambda: len(seen) > 5, listener, 20.0, "5 pictures")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    listener.spin(0.3)
    seen.clear()
    seen.how.clear()
    camera()
    wait_for(lambda: seen.how.count("shared") > 5, listener, 20.0, "5 pictures of the new process")
    assert not seen.refused


def test_pictures_of_a_camera_driver_of_another_package_come_as_messages(bench: Bench) -> None:
    listener = bench.listen()
    seen = Seen(listener)
    publisher = listener.node.create_publisher(Image, "head/image_raw", qos.IMAGE)

    def sent() -> bool:
        publisher.publish(convert.image_to_msg(PIXELS, 3.5, "head_optical_frame"))
        return len(seen) > 2

    wait_for(sent, listener, 10.0, "a picture")
    assert set(seen.how) == {"plain"} and seen[0].stamp == 3.5
    np.testing.assert_array_equal(seen[0].pixels, PIXELS)
    depth = convert.image_to_msg(PIXELS, 3.5, "head_optical_frame")
    depth.encoding = "16UC1"
    publisher.publish(depth)
    wait_for(lambda: seen.refused, listener, 5.0, "a refusal")
    assert "'16UC1' can't be read; allowed are rgb8" in str(seen.refused[0])


def test_our_own_driver_takes_over_from_another_and_gives_way_to_it(bench: Bench, camera) -> None:
    listener = bench.listen()
    seen = Seen(listener)
    publisher = listener.node.create_publisher(Image, "head/image_raw", qos.IMAGE)

    def sent() -> bool:
        publisher.publish(convert.image_to_msg(PIXELS, 3.5, "head_optical_frame"))
        return "plain" in seen.how

    wait_for(sent, listener, 10.0, "a picture of the other driver")
    listener.node.destroy_publisher(publisher)
    process = camera()
    wait_for(lambda: seen.how[-5:] == ["shared"] * 5, listener, 20.0, "pictures by shared memory")
    wait_for(lambda: not listener.node.count_subscribers("head/image_raw"), listener, 5.0, "the end of the messages")
    stop(process)
    publisher = listener.node.create_publisher(Image, "head/image_raw", qos.IMAGE)
    seen.how.clear()
    wait_for(sent, listener, 10.0, "a picture of the other driver")


def test_a_camera_on_another_machine_comes_as_messages(bench: Bench) -> None:
    """Its shared pictures are told of, but lie in memory that can't be reached from here."""
    listener = bench.listen()
    seen = Seen(listener)
    shared = listener.node.create_publisher(SharedImage, "head/image_raw/shared", qos.IMAGE)
    publisher = listener.node.create_publisher(Image, "head/image_raw", qos.IMAGE)
    place = SharedImage(header=convert.header(3.5, "head_optical_frame"), height=12, width=16, machine=1, process=1)

    def sent() -> bool:
        shared.publish(place)
        if publisher.get_subscription_count():
            publisher.publish(convert.image_to_msg(PIXELS, 3.5, "head_optical_frame"))
        return len(seen) > 2

    wait_for(sent, listener, 10.0, "a picture")
    assert set(seen.how) == {"plain"} and not seen.refused
    np.testing.assert_array_equal(seen[0].pixels, PIXELS)
