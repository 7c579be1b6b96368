"""Video in a recording: bytes that other programs decode."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from optimus_nodes.dataset.compressed_video import NAME, SCHEMA, annex_b, video_message
from optimus_nodes.dataset.mcap_log import McapLog


def encoded(global_header: bool) -> tuple[list[tuple[bytes, bool]], bytes]:
    """Twelve pictures as packets with whether each is a key frame, and the encoder's extradata."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt, codec.framerate = 64, 48, "yuv420p", 20
    codec.gop_size, codec.max_b_frames = 5, 0
    if global_header:
        codec.flags |= av.codec.context.Flags.global_header
    packets = []
    for i in range(12):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="rgb24")
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [(bytes(p), p.is_keyframe) for p in packets], bytes(codec.extradata or b"")


def decoded(packets: list[bytes]) -> list[int]:
    codec = av.CodecContext.create("h264", "r")
    frames = [f for data in packets for f in codec.decode(av.Packet(data))] + codec.decode(None)
    return [round(float(f.to_ndarray(format="rgb24").mean())) for f in frames]


@pytest.mark.parametrize("global_header", [False, True])
def test_decoding_can_start_at_every_key_frame(global_header: bool) -> None:
    packets, extradata = encoded(global_header)
    fixed = [annex_b(data, extradata, key) for data, key in packets]
    starts = [i for i, (_, key) in enumerate(packets) if key]
    assert starts == [0, 5, 10]
    for start in starts:
        values = decoded(fixed[start:])
        assert np.allclose(values, [20 * i for i in range(start, 12)], atol=4)


def test_packets_as_they_stand_in_an_mp4_are_taken_too(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.max_b_frames = 0
        for i in range(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * i, np.uint8), format="rgb24")))
        file.mux(stream.encode(None))
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        extradata = bytes(stream.codec_context.extradata)
        fixed = [annex_b(bytes(p), extradata, p.is_keyframe) for p in file.demux(stream) if p.size]
    assert extradata[0] == 1 and fixed[0].startswith(b"\0\0\0\1")
    assert np.allclose(decoded(fixed), [0, 40, 80, 120, 160], atol=4)


def test_a_packet_that_has_its_parameter_sets_is_left_alone() -> None:
    packets, _ = encoded(global_header=False)
    assert annex_b(packets[0][0], b"wrong", key_frame=True) == packets[0][0]


@pytest.mark.parametrize("frame_id", ["", "head", "camera", "wrist_left_optical"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
def test_the_message_is_read_by_rosbags_whatever_its_alignment(tmp_path: Path, frame_id: str, size: int) -> None:
    data = bytes(range(1, size + 1))
    with McapLog(tmp_path / "a.mcap") as log:
        video = log.channel("/head/video", NAME, SCHEMA)
        log.write(video, 5, 4, video_message(3_000_000_007, frame_id, data))
    with AnyReader([tmp_path / "a.mcap"], default_typestore=get_typestore(Stores.EMPTY)) as bag:
        ((connection, stamp, raw),) = bag.messages()
        message = bag.deserialize(raw, connection.msgtype)
    assert (connection.msgtype, stamp) == (NAME, 5)
    assert (message.timestamp.sec, message.timestamp.nanosec) == (3, 7)
    assert (message.frame_id, message.data.tobytes(), message.format) == (frame_id, data, "h264")
