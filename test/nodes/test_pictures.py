"""Camera pictures between nodes: by shared memory where that goes, as ordinary messages where it does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from camera_fakes import write_pictures
from optimus_humanoid.msg import LocalLink
from sensor_msgs.msg import Image
from sim_bench import Bench, Heard, stop, wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.ros import convert, pictures, qos
from optimus_nodes.ros.pictures import Picture, PicturePublisher, PictureSubscription
from optimus_nodes.ros.twin import TwinPublisher

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
    """Its link is told of, but can't be reached from here."""
    listener = bench.listen()
    seen = Seen(listener)
    local = listener.node.create_publisher(LocalLink, "head/image_raw/local", qos.LATCHED)
    publisher = listener.node.create_publisher(Image, "head/image_raw", qos.IMAGE)
    local.publish(LocalLink(machine=1, address="optimus/1/2", layout="picture"))

    def sent() -> bool:
        if publisher.get_subscription_count():
            publisher.publish(convert.image_to_msg(PIXELS, 3.5, "head_optical_frame"))
        return len(seen) > 2

    wait_for(sent, listener, 10.0, "a picture")
    assert set(seen.how) == {"plain"} and not seen.refused
    np.testing.assert_array_equal(seen[0].pixels, PIXELS)


def test_pictures_whose_memory_cannot_be_opened_come_as_messages(bench: Bench) -> None:
    """The link reaches this process and the memory does not: a container with processes of its own."""
    listener = bench.listen()
    twin = TwinPublisher(listener.node, "head/image_raw", pictures._LAYOUT)
    publisher = listener.node.create_publisher(Image, "head/image_raw", qos.IMAGE)
    seen = Seen(listener)

    def sent() -> bool:
        if twin.wanted:
            twin.send(pictures._PACKET.pack(3.5, 1, 2, os.getpid(), 12345, 12, 16, 0))
        if publisher.get_subscription_count():
            publisher.publish(convert.image_to_msg(PIXELS, 3.5, "head_optical_frame"))
        return len(seen) > 2

    wait_for(sent, listener, 10.0, "a picture")
    assert set(seen.how) == {"plain"} and not seen.refused
    twin.close()


def test_what_is_no_picture_is_refused(bench: Bench) -> None:
    listener = bench.listen()
    twin = TwinPublisher(listener.node, "head/image_raw", pictures._LAYOUT)
    seen = Seen(listener)
    wait_for(lambda: twin.wanted, listener, 10.0, "a reader")
    twin.send(b"no picture")
    wait_for(lambda: seen.refused, listener, 5.0, "a refusal")
    assert "10 bytes do not say where a picture is, it takes 48" in str(seen.refused[0])
    twin.close()


def test_a_picture_made_in_place_is_not_copied_and_everyone_sees_it(bench: Bench) -> None:
    listener = bench.listen()
    out = PicturePublisher(listener.node, "head", "head_optical_frame")
    seen, plain = Seen(listener), Heard(listener, Image, "head/image_raw", qos.IMAGE)
    wait_for(lambda: out._twin.wanted and plain_listens(out), listener, 10.0, "readers")
    memory = out.memory(12, 16)
    assert memory is not None
    memory[:] = PIXELS
    out.publish(memory, 3.5)
    wait_for(lambda: seen and plain, listener, 5.0, "the picture")
    np.testing.assert_array_equal(seen[0].pixels, PIXELS)
    np.testing.assert_array_equal(convert.image_from_msg(plain[0][1])[0], PIXELS)
    assert out.memory(12, 16) is not memory
    out.close()
    assert out.memory(12, 16) is None


def plain_listens(out: PicturePublisher) -> bool:
    return bool(out._plain.get_subscription_count())
