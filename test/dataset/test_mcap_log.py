"""The MCAP file of an episode: read by others, whole after a cut at any byte."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from optimus_nodes.dataset.files import DatasetError
from optimus_nodes.dataset.mcap_log import McapLog, repair

TEXT = "string data\n"


def cdr_string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return b"\0\1\0\0" + struct.pack("<I", len(data)) + data


def write_small(path: Path, flushes: int = 3) -> list[tuple[int, int]]:
    """A small file of two topics; for each flush the bytes in the file and the messages in it after it."""
    states = []
    with McapLog(path) as log:
        words = log.channel("/words", "std_msgs/msg/String", TEXT, rate_hz=100.0)
        video = log.channel("/head/video", "foxglove_msgs/msg/CompressedVideo", TEXT)
        log.metadata("episode/v1", {"task": "put the box in the bin", "number": 7})
        log.attach("robot.urdf", "application/xml", b"<robot/>")
        for flush in range(flushes):
            for i in range(5):
                stamp = (flush * 5 + i) * 10_000_000
                log.write(words, stamp, stamp, cdr_string(f"word {flush} {i}"))
            log.write(video, stamp + 1, stamp, cdr_string("picture"))
            log.flush()
            states.append((path.stat().st_size, (flush + 1) * 6))
        log.sync()
    return states


def messages(path: Path) -> list[tuple[str, int, bytes]]:
    with path.open("rb") as file:
        return [(c.topic, m.log_time, m.data) for _, c, m in make_reader(file, validate_crcs=True).iter_messages()]


def test_mcaps_own_reader_finds_messages_channels_metadata_and_attachments(tmp_path: Path) -> None:
    write_small(tmp_path / "a.mcap")
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert reader.get_header().profile == "ros2"
        assert reader.get_header().library == "optimus_humanoid"
        assert summary is not None and summary.statistics is not None
        assert summary.statistics.message_count == 18
        assert summary.statistics.message_end_time == 140_000_001
        assert {c.topic: c.metadata.get("rate_hz") for c in summary.channels.values()} == {
            "/words": "100",
            "/head/video": None,
        }
        assert [(m.name, m.metadata["number"]) for m in reader.iter_metadata()] == [("episode/v1", "7")]
        assert [(a.name, a.data) for a in reader.iter_attachments()] == [("robot.urdf", b"<robot/>")]
        late = list(reader.iter_messages(topics=["/words"], starting_at=100_000_000))
        assert len(late) == 5, "the message index leads to the right chunk"


def test_messages_come_back_in_order_of_time_with_their_bytes(tmp_path: Path) -> None:
    write_small(tmp_path / "a.mcap")
    found = messages(tmp_path / "a.mcap")
    assert [stamp for _, stamp, _ in found] == sorted(stamp for _, stamp, _ in found)
    assert found[7] == ("/words", 60_000_000, cdr_string("word 1 1"))


def test_rosbags_reads_it(tmp_path: Path) -> None:
    write_small(tmp_path / "a.mcap")
    with AnyReader([tmp_path / "a.mcap"], default_typestore=get_typestore(Stores.EMPTY)) as bag:
        words = [c for c in bag.connections if c.topic == "/words"]
        texts = [bag.deserialize(raw, c.msgtype).data for c, _, raw in bag.messages(words)]
    assert texts[:2] == ["word 0 0", "word 0 1"] and len(texts) == 15


def test_a_file_cut_at_any_byte_gives_back_every_message_of_whole_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    states = write_small(path)
    whole, everything = path.read_bytes(), messages(path)
    cut = tmp_path / "cut.mcap"
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        report = repair(cut)
        promised = max([count for at, count in states if at <= size], default=0)
        found = messages(cut)
        assert not report.whole
        assert report.messages == len(found) >= promised, f"cut at {size}"
        assert set(found) <= set(everything) and [f for f in everything if f in found] == found
        assert report.end_time_ns == max((stamp for _, stamp, _ in found), default=0)
        assert sum(report.topics.values()) == report.messages
    assert sorted(tmp_path.iterdir()) == [path, cut]


def test_repairing_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_small(path)
    path.write_bytes(path.read_bytes()[:-30])
    assert repair(path).messages == 18
    mended = path.read_bytes()
    report = repair(path)
    assert report.whole and report.messages == 18 and report.lost_bytes == 0
    assert path.read_bytes() == mended


def test_a_tail_of_zeros_as_a_power_failure_leaves_it_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    (size, count), *_ = write_small(path)
    path.write_bytes(path.read_bytes()[:size] + bytes(4096))
    report = repair(path)
    assert (report.messages, report.lost_bytes) == (count, 4096)


def test_a_chunk_with_a_flipped_bit_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_small(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"picture")] ^= 1
    path.write_bytes(data)
    report = repair(path)
    assert (report.damaged, report.messages) == (1, 17)
    assert len(messages(path)) == 17


def test_any_flipped_bit_is_survived(tmp_path: Path) -> None:
    path, bad = tmp_path / "a.mcap", tmp_path / "bad.mcap"
    write_small(path, flushes=1)
    whole = path.read_bytes()
    for place in range(8, len(whole), 3):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        bad.write_bytes(data)
        report = repair(bad)
        assert report.messages == len(messages(bad))


def test_a_file_that_is_no_mcap_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.mcap").write_bytes(b"hello world")
    with pytest.raises(DatasetError, match=r"x\.mcap is no MCAP file: it begins with b'hello wo'"):
        repair(tmp_path / "x.mcap")
    assert (tmp_path / "x.mcap").read_bytes() == b"hello world"


def test_files_of_the_librarys_own_writer_are_repaired_too(tmp_path: Path) -> None:
    """Its channels stand inside the chunks."""
    from mcap.writer import CompressionType, Writer

    path = tmp_path / "b.mcap"
    writer = Writer(str(path), chunk_size=200, compression=CompressionType.LZ4)
    writer.start("ros2")
    channel = writer.register_channel(
        "/a", "cdr", writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
    )
    for i in range(50):
        writer.add_message(channel, i, cdr_string("hello"), i)
    writer.finish()
    size = path.stat().st_size
    assert repair(path).whole
    os.truncate(path, size // 3)
    report = repair(path)
    assert report.topics == {"/a": report.messages} and 5 < report.messages == len(messages(path))


def test_a_killed_writer_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    script = f"""
from optimus_nodes.dataset.mcap_log import McapLog
log = McapLog({str(path)!r})
channel = log.channel("/a", "std_msgs/msg/String", "string data")
for i in range(100000):
    log.write(channel, i, i, bytes(4000))
    if i % 50 == 49:
        log.flush()
        print(i + 1, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        flushed = max([250, *(int(line) for line in process.stdout if line.endswith("\n"))])
    report = repair(path)
    assert report.messages == len(messages(path)) >= flushed
    assert report.end_time_ns == report.messages - 1


def test_a_full_disk_is_an_error_that_leaves_what_was_written_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    script = f"""
import resource
from optimus_nodes.dataset.mcap_log import McapLog
log = McapLog({str(path)!r})
channel = log.channel("/a", "std_msgs/msg/String", "string data")
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import os
log.write(channel, 1, 1, os.urandom(4000))
log.flush()
log.write(channel, 2, 2, os.urandom(4000))
try:
    log.flush()
except OSError as error:
    print(type(error).__name__, flush=True)
    os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "OSError"
    report = repair(path)
    assert (report.messages, report.lost_bytes, report.damaged) == (1, 0, 0)


def test_a_message_outside_of_chunks_is_kept(tmp_path: Path) -> None:
    from mcap.writer import Writer

    path = tmp_path / "b.mcap"
    writer = Writer(str(path), use_chunking=False)
    writer.start("ros2")
    channel = writer.register_channel("/a", "cdr", writer.register_schema("s", "ros2msg", b"string data"))
    for i in range(10):
        writer.add_message(channel, i, cdr_string("hello"), i)
    writer.finish()
    everything = messages(path)
    os.truncate(path, path.stat().st_size - 20)
    assert repair(path).messages == 10
    assert messages(path) == everything
