"""camera_node as a process, over real DDS: a video, a folder, a stream that drops, and what cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from camera_fakes import CALIBRATION, MjpegServer, write_pictures, write_video
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from sim_bench import Bench, Heard, wait_for

from optimus_nodes.ros import convert, qos

SIZE = ("width:=160", "height:=120")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as bench:
        yield bench


def test_a_video_file_becomes_pictures_jpegs_and_calibrated_camera_info(bench: Bench, tmp_path: Path) -> None:
    calibration = tmp_path / "wrist.yaml"
    calibration.write_text(CALIBRATION.format(width=160, height=120))
    video = write_video(tmp_path / "a.mp4", 10)
    options = ("camera:=wrist_left", f"source:={video}", f"calibration:={calibration}", "loop:=true", *SIZE)
    bench.start("camera_node", *options)
    listener = bench.listen()
    raw = Heard(listener, Image, "wrist_left/image_raw", qos.IMAGE)
    info = Heard(listener, CameraInfo, "wrist_left/camera_info", qos.IMAGE)
    wait_for(lambda: len(raw) > 40 and len(info) > 40, listener, 20.0, "40 pictures")
    message = raw[-1][1]
    pixels, stamp = convert.image_from_msg(message)
    assert (message.encoding, message.header.frame_id) == ("rgb8", "wrist_left_optical_frame")
    assert pixels.shape == (120, 160, 3)
    red, green, blue = pixels[60, 10].tolist()
    assert red > 200 and green < 60 and blue < 60, "the left edge of the pictures is red"
    stamps = raw.stamps()
    assert np.median(np.diff(stamps)) == pytest.approx(0.05, abs=0.01)
    assert 0.0 <= listener.node.get_clock().now().nanoseconds * 1e-9 - stamp < 2.0
    assert set(stamps) & set(info.stamps()), "camera_info carries the stamp of its picture"
    told = info[-1][1]
    assert (told.width, told.height, told.header.frame_id) == (160, 120, "wrist_left_optical_frame")
    assert told.k[0] == 150.0 and list(told.d) == [0.1, 0.0, 0.0, 0.0, 0.0] and told.p[2] == 80.0
    jpegs = Heard(listener, CompressedImage, "wrist_left/image_raw/compressed", qos.IMAGE)
    wait_for(lambda: jpegs, listener, 5.0, "a compressed picture")
    decoded = cv2.imdecode(convert.compressed_from_msg(jpegs[0][1])[0], cv2.IMREAD_COLOR)
    assert decoded.shape == (120, 160, 3) and decoded[60, 10, 2] > 200 and jpegs[0][1].format == "jpeg"
    wait_for(lambda: "camera: camera" in listener.health, listener, 5.0, "diagnostics")
    level, text = listener.health["camera: camera"]
    assert level == "ok" and "pictures a second" in text


def test_a_folder_without_calibration_says_so_in_camera_info(bench: Bench, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "p", 3)
    bench.start("camera_node", f"source:={folder}", "loop:=true", *SIZE)
    listener = bench.listen()
    info = Heard(listener, CameraInfo, "head/camera_info", qos.IMAGE)
    wait_for(lambda: info, listener, 20.0, "camera_info")
    assert (info[0][1].header.frame_id, info[0][1].k[0]) == ("head_optical_frame", 0.0)


def test_a_stream_that_drops_is_told_on_diagnostics_and_opened_again(bench: Bench) -> None:
    server = MjpegServer()
    try:
        bench.start("camera_node", f"source:={server.url}", *SIZE)
        listener = bench.listen()
        raw = Heard(listener, Image, "head/image_raw", qos.IMAGE)
        wait_for(lambda: len(raw) > 5, listener, 20.0, "pictures")
        server.drop()

        def told() -> bool:
            level, text = listener.health.get("camera: camera", ("", ""))
            return level == "error" and "next try in" in text and "does not answer" in text

        wait_for(told, listener, 20.0, "the loss on diagnostics")
        wait_for(
            lambda: float(listener.diagnostics["camera: camera"]["next_try_s"]) > 0.6,
            listener,
            10.0,
            "waits beyond the first one of 0.5 s",
        )
        seen = len(raw)
        server.come_back()
        wait_for(lambda: len(raw) > seen + 5, listener, 20.0, "pictures again")
        wait_for(lambda: listener.health["camera: camera"][0] == "ok", listener, 10.0, "ok on diagnostics")
        assert listener.diagnostics["camera: camera"]["reconnects"] == "1"
        assert raw.stamps() == sorted(raw.stamps())
    finally:
        server.drop()


def refusal(bench: Bench, *options: str) -> str:
    """What a node writes that ends at once with exit code 2."""
    assert bench.start("camera_node", *options).wait(30) == 2
    errors = [line for line in bench.log("camera_node").splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, bench.log("camera_node")
    return errors[0]


def test_a_wrong_device_ends_the_node_with_its_name(bench: Bench) -> None:
    assert refusal(bench, "source:=/dev/video97").startswith(
        "error: camera head: there is no /dev/video97; cameras on "
    )


def test_an_unreadable_file_ends_the_node_with_its_name(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"x" * 1000)
    assert refusal(bench, f"source:={path}") == f"error: camera head: {path} is no video file that OpenCV can read"


def test_a_calibration_for_another_size_ends_the_node_with_its_name(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "head.yaml"
    path.write_text(CALIBRATION.format(width=160, height=120))
    assert refusal(bench, f"calibration:={path}") == (
        f"error: {path} is for 160x120 pixels, but camera head is 640x480; "
        "calibrate at that size or change width and height (config/camera.yaml)"
    )


def test_a_bad_calibration_ends_the_node_with_file_and_field(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "head.yaml"
    path.write_text(CALIBRATION.format(width=160, height=120).replace("plumb_bob", "fisheye"))
    assert refusal(bench, f"calibration:={path}", *SIZE) == (
        f"error: {path}: distortion_model is 'fisheye'; allowed plumb_bob, rational_polynomial, equidistant"
    )


def test_a_rate_out_of_range_is_named(bench: Bench) -> None:
    assert "rate_hz is 0.0; allowed above 0 to 240" in refusal(bench, "rate_hz:=0.0")
