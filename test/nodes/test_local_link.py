"""Packets between processes: what is said arrives, and nothing is left when one of them is killed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from optimus_nodes.ros.local_link import LinkReader, LinkWriter

OTHER = """
import sys, time
from optimus_nodes.ros.local_link import LinkReader, LinkWriter
if sys.argv[1] == "write":
    link = LinkWriter()
    print(link.address, flush=True)
    while True:
        if link.wanted(time.monotonic()):
            link.send(b"said")
        time.sleep(0.005)
LinkReader(sys.argv[2], lambda data: print(data.decode(), flush=True))
time.sleep(60)
"""


@pytest.fixture
def writer():
    link = LinkWriter()
    yield link
    link.close()


def other(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", OTHER, *words], stdout=subprocess.PIPE, text=True)


def until(condition: Callable[[], object], what: str, timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {timeout:g} s"
        time.sleep(0.002)


def test_what_is_sent_arrives_in_order_at_every_reader(writer):
    heard: list[list[bytes]] = [[], []]
    readers = [LinkReader(writer.address, kept.append, all_of_them=True) for kept in heard]
    until(lambda: writer.wanted(time.monotonic()) and len(writer._readers) == 2, "two connections")
    for number in range(200):
        writer.send(number.to_bytes(2, "little"))
        until(lambda number=number: all(len(kept) > number for kept in heard), "the arrival of a packet")
    assert heard[0] == heard[1] == [number.to_bytes(2, "little") for number in range(200)]
    for reader in readers:
        reader.close()


def test_a_slow_reader_gets_the_newest_and_the_writer_never_waits(writer):
    heard, go_on = [], threading.Event()

    def take(data: bytes) -> None:
        heard.append(data[0])
        go_on.wait(5.0)

    reader = LinkReader(writer.address, take)
    until(lambda: writer.wanted(time.monotonic()), "a connection")
    writer.send(b"\0")
    until(lambda: heard, "the first packet")
    for number in range(1, 6):
        writer.send(bytes([number]))
    go_on.set()
    until(lambda: len(heard) > 1, "the second packet")
    assert heard == [0, 5]
    go_on.clear()
    for _ in range(1000):
        writer.send(bytes(2000))
    assert writer.dropped > 0
    go_on.set()
    reader.close()


def test_nothing_is_handed_over_after_close_and_closing_takes_no_time(writer):
    heard: list[bytes] = []
    reader = LinkReader(writer.address, heard.append)
    until(lambda: writer.wanted(time.monotonic()), "a connection")
    writer.send(b"1")
    until(lambda: heard, "a packet")
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 0.1
    writer.send(b"2")
    time.sleep(0.05)
    assert heard == [b"1"] and reader.ended


def test_a_reader_may_end_itself_from_what_it_is_told(writer):
    reader: list[LinkReader] = []
    reader.append(LinkReader(writer.address, lambda data: reader[0].close()))
    until(lambda: writer.wanted(time.monotonic()), "a connection")
    writer.send(b"1")
    until(lambda: reader[0].ended, "the end")


def test_a_killed_writer_is_noticed_and_its_address_is_free():
    with other("write") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        heard: list[bytes] = []
        reader = LinkReader(address, heard.append)
        until(lambda: heard, "a packet")
        process.kill()
    until(lambda: reader.ended, "the end of the reader", 2.0)
    assert address not in Path("/proc/net/unix").read_text()
    with pytest.raises(OSError):
        LinkReader(address, heard.append)


def test_a_killed_reader_is_forgotten(writer):
    with other("read", writer.address) as process:
        assert process.stdout is not None
        until(lambda: writer.wanted(time.monotonic()), "a connection")
        writer.send(b"said")
        assert process.stdout.readline() == "said\n"
        process.kill()
    writer.send(b"said")
    assert not writer._readers


def test_a_reader_that_stands_still_takes_nothing_from_the_others(writer):
    heard: list[bytes] = []
    go_on = threading.Event()
    stuck = [LinkReader(writer.address, lambda data: go_on.wait(10.0))]
    until(lambda: writer.wanted(time.monotonic()), "a connection")
    readers = [LinkReader(writer.address, heard.append, all_of_them=True)]
    until(lambda: writer.wanted(time.monotonic()) and len(writer._readers) == 2, "two connections")
    stuck.append(LinkReader(writer.address, lambda data: go_on.wait(10.0)))
    until(lambda: writer.wanted(time.monotonic()) and len(writer._readers) == 3, "three connections")
    for number in range(3000):  # more than any queue holds
        writer.send(number.to_bytes(2, "little") + bytes(1734))
        until(lambda number=number: len(heard) > number, "the arrival of a packet beside readers that stand still")
    assert writer.dropped > 0
    go_on.set()
    for reader in (*readers, *stuck):
        reader.close()


def test_of_a_packet_that_is_too_long_the_beginning_comes(writer):
    heard: list[bytes] = []
    reader = LinkReader(writer.address, heard.append, all_of_them=True, room=5)
    until(lambda: writer.wanted(time.monotonic()), "a connection")
    for data in (b"1234", b"12345678", b"12"):
        writer.send(data)
    until(lambda: len(heard) == 3, "three packets")
    assert heard == [b"1234", b"12345", b"12"]
    reader.close()


def test_nobody_else_can_say_anything_to_a_reader(writer):
    heard: list[bytes] = []
    reader = LinkReader(writer.address, heard.append)
    until(lambda: writer.wanted(time.monotonic()), "a connection")
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with stranger, pytest.raises(OSError):
        stranger.connect(writer._readers[0].getpeername() or "\0")
    reader.close()
    assert not heard
