"""Camera sources and the reader thread, on real files and a real HTTP stream."""

import re
import threading
import time

import numpy as np
import pytest
from camera_fakes import CALIBRATION, MjpegServer, write_pictures, write_video

from optimus_nodes.core.backoff import Backoff
from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.drivers.camera import CameraReader
from optimus_nodes.drivers.camera_sources import StreamSource, load_calibration, make_source, without_password


class Taker:
    """A reader of a 160x120 source whose pictures are all taken and kept."""

    def __init__(self, source, rate_hz=100.0, width=160, height=120, loop=False, **options):
        self.frames, self.changed = [], threading.Condition()
        made = make_source("head", str(source), width, height, rate_hz, loop)
        self.reader = CameraReader("head", made, width, height, rate_hz, self.take, **options)

    def take(self):
        frame = self.reader.take()
        with self.changed:
            self.frames.append((frame.stamp, frame.image.copy()))
            self.changed.notify_all()

    def wait_for(self, count, timeout=10.0):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.frames) >= count, timeout), self.reader.health()

    def __enter__(self):
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.reader.stop()


def until(condition, timeout=10.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def grey(image):
    """The grey level of the right half."""
    return float(image[:, 80:].mean())


def test_a_video_file_is_played_in_order_and_ends(tmp_path):
    with Taker(write_video(tmp_path / "a.mp4", 10)) as taker:
        taker.wait_for(10)
        until(lambda: taker.reader.health().phase == "ended")
    assert [grey(image) for _, image in taker.frames] == pytest.approx([20 * k for k in range(10)], abs=4)


def test_pictures_come_as_rgb(tmp_path):
    with Taker(write_pictures(tmp_path / "p", 1)) as taker:
        taker.wait_for(1)
    image = taker.frames[0][1]
    assert image.shape == (120, 160, 3) and image.dtype == np.uint8
    assert image[60, 5].tolist() == [255, 0, 0], "the left edge is red"


def test_a_folder_is_played_in_the_order_of_names_and_again_with_loop(tmp_path):
    folder = write_pictures(tmp_path / "p", 3)
    (folder / "notes.txt").write_text("not a picture")
    with Taker(folder, loop=True) as taker:
        taker.wait_for(7)
    assert [grey(image) for _, image in taker.frames[:7]] == [0, 20, 40, 0, 20, 40, 0]


def test_a_looped_video_starts_again(tmp_path):
    with Taker(write_video(tmp_path / "a.mp4", 4), loop=True) as taker:
        taker.wait_for(9)
    assert [grey(image) for _, image in taker.frames[:9]] == pytest.approx([0, 20, 40, 60] * 2 + [0], abs=4)


def test_files_are_played_at_the_rate_asked_for(tmp_path):
    with Taker(write_pictures(tmp_path / "p", 4), rate_hz=25.0, loop=True) as taker:
        taker.wait_for(21)
    stamps = [stamp for stamp, _ in taker.frames]
    assert (stamps[20] - stamps[1]) / 19 == pytest.approx(0.04, rel=0.2)


def test_stamps_are_read_before_decoding(tmp_path):
    ticks = iter(range(100))
    with Taker(write_video(tmp_path / "a.mp4", 3), clock=lambda: float(next(ticks))) as taker:
        taker.wait_for(3)
    assert [stamp for stamp, _ in taker.frames] == [0.0, 1.0, 2.0]


def test_pictures_nobody_takes_are_counted_as_dropped(tmp_path):
    source = make_source("head", str(write_pictures(tmp_path / "p", 5)), 160, 120, 200.0, False)
    reader = CameraReader("head", source, 160, 120, 200.0)
    reader.start()
    until(lambda: reader.health().phase == "ended")
    assert grey(reader.take().image) == 80 and reader.take() is None
    assert (reader.health().frames, reader.health().dropped) == (5, 4)
    reader.stop()


def test_a_picture_in_use_is_not_overwritten(tmp_path):
    source = make_source("head", str(write_pictures(tmp_path / "p", 12)), 160, 120, 100.0, False)
    reader = CameraReader("head", source, 160, 120, 100.0)
    reader.start()
    taken = reader.take()
    before = taken.image.copy()
    until(lambda: reader.health().phase == "ended")
    assert np.array_equal(taken.image, before)
    reader.stop()


def test_a_stream_faster_than_the_rate_is_thinned_out():
    server = MjpegServer(rate_hz=60.0)
    try:
        with Taker(server.url, rate_hz=20.0) as taker:
            taker.wait_for(30)
    finally:
        server.drop()
    stamps = [stamp for stamp, _ in taker.frames]
    assert (stamps[29] - stamps[9]) / 20 == pytest.approx(0.05, rel=0.25)


def test_a_stream_that_drops_is_opened_again_with_growing_waits():
    server = MjpegServer()
    with Taker(server.url, backoff=Backoff(first_s=0.1, longest_s=0.4, healthy_s=60.0)) as taker:
        taker.wait_for(3)
        server.drop()
        waits = []
        until(lambda: taker.reader.health().phase == "waiting")
        health = taker.reader.health()
        assert re.fullmatch(r"camera head: http://127.0.0.1:\d+/video stopped sending pictures", health.error)

        def longest() -> bool:
            waits.append(taker.reader._backoff.wait_s)
            return waits[-1] == 0.4

        until(longest)
        assert waits == sorted(waits) and len(set(waits)) > 1
        until(lambda: "does not answer" in taker.reader.health().error)
        server.come_back()
        seen = len(taker.frames)
        taker.wait_for(seen + 3)
        health = taker.reader.health()
        server.drop()
    assert (health.phase, health.reconnects, health.error) == ("streaming", 1, "")


def test_a_stream_that_comes_later_is_waited_for():
    server = MjpegServer()
    server.drop()
    with Taker(server.url, backoff=Backoff(first_s=0.1, longest_s=0.1)) as taker:
        until(lambda: taker.reader.health().phase == "waiting")
        error = taker.reader.health().error
        server.come_back()
        taker.wait_for(1)
        server.drop()
    assert error == f"camera head: {server.url} does not answer, or sends no video"


def test_a_bug_in_the_thread_is_raised_where_health_is_asked(tmp_path):
    def broken():
        raise ZeroDivisionError("a bug")

    source = make_source("head", str(write_pictures(tmp_path / "p", 3)), 160, 120, 100.0, False)
    reader = CameraReader("head", source, 160, 120, 100.0)
    reader.start()
    reader._on_frame = broken
    with pytest.raises(ZeroDivisionError, match="a bug"):
        until(lambda: reader.health() is None)


def refused(source, **options):
    taker = Taker(source, **options)
    with pytest.raises(DeviceError) as caught:
        taker.reader.start()
    return str(caught.value)


def test_a_device_that_is_not_there_is_named():
    text = refused("97")
    assert text.startswith("camera head: there is no /dev/video97; cameras on this machine: ")
    assert text.endswith("(source in config/camera.yaml)")


def test_a_device_that_is_no_camera_is_named():
    assert refused("/dev/null") == "camera head: /dev/null is no camera, or another program uses it"


def test_a_file_that_is_no_video_is_named(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"x" * 1000)
    assert refused(path) == f"camera head: {path} is no video file that OpenCV can read"


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    folder = write_pictures(tmp_path / "p", 0)
    (folder / "000.png").write_bytes(b"not a picture")
    assert refused(folder) == f"camera head: {folder / '000.png'} is no picture that OpenCV can read"


def test_an_empty_folder_is_named(tmp_path):
    assert refused(tmp_path) == f"camera head: {tmp_path} holds no pictures (.png, .jpg, .jpeg, .bmp, .tif, .tiff)"


def test_pictures_of_another_size_are_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", 3)
    assert refused(path, width=320, height=240) == (
        f"camera head: {path} gives 160x120 pixels, not 320x240; change width and height (config/camera.yaml)"
    )


@pytest.mark.parametrize("source", ["", "nowhere.mp4", "ftp://host/a", "file:///a.mp4"])
def test_a_source_that_is_nothing_is_named(source):
    with pytest.raises(ConfigError) as caught:
        make_source("head", source, 160, 120, 20.0, False)
    assert str(caught.value) == (
        f"camera head: source '{source}' is no file, folder, device or stream; allowed a number or /dev/videoN, "
        "rtsp://, rtsps://, http://, https://, a video file, a folder of pictures, gz:<model>/<camera> "
        "(config/camera.yaml)"
    )


def test_passwords_are_never_shown():
    assert without_password("rtsp://me:secret@10.0.0.5/live") == "rtsp://***@10.0.0.5/live"
    source = StreamSource("head", "http://me:secret@127.0.0.1:9/")
    with pytest.raises(DeviceError) as caught:
        source.open()
    assert "secret" not in str(caught.value)


def test_a_calibration_file_is_read(tmp_path):
    path = tmp_path / "head.yaml"
    path.write_text(CALIBRATION.format(width=160, height=120))
    calibration = load_calibration(str(path))
    assert (calibration.width, calibration.K[0, 0], calibration.D[0]) == (160, 150.0, 0.1)


def test_calibration_files_that_cannot_be_used_are_named(tmp_path):
    path = tmp_path / "head.yaml"
    with pytest.raises(ConfigError) as caught:
        load_calibration(str(path))
    assert str(caught.value) == f"calibration {path} cannot be read: No such file or directory (config/camera.yaml)"
    path.write_text("a: [1, 2")
    with pytest.raises(ConfigError, match=f"calibration {path} is no YAML: while parsing a flow sequence"):
        load_calibration(str(path))
    path.write_text(CALIBRATION.format(width=0, height=120))
    with pytest.raises(ConfigError, match=f"{path}: image_width is 0; allowed 1 to 16384 pixels"):
        load_calibration(str(path))
