"""Pictures in shared memory: whole or known not to be, and gone with the processes that used them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.core.errors import DeviceError
from optimus_nodes.ros.picture_ring import PictureRing, RingAddress, RingPlace, RingReader

SHAPE = (48, 64, 3)
WRITER = """
import sys, numpy as np
from optimus_nodes.ros.picture_ring import PictureRing
ring = PictureRing(48, 64, slots=2)
ring.write(np.full((48, 64, 3), 7, np.uint8))
where = ring.address
print(where.process, where.descriptor, where.token, flush=True)
sys.stdin.readline()
value = 0
while True:
    value = (value + 1) % 256
    ring.write(np.full((48, 64, 3), value, np.uint8))
"""


@pytest.fixture
def writer():
    command = [sys.executable, "-c", WRITER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, RingAddress(*map(int, process.stdout.readline().split()))
        process.kill()


def test_pictures_of_any_layout_come_out_as_they_went_in():
    ring = PictureRing(48, 64, slots=3)
    reader = RingReader(ring.address)
    picture = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    for pixels in (picture, picture[::-1], picture[:, ::-1], picture[:, :, ::-1], picture[::-1]):
        place = ring.write(pixels)
        assert reader.whole(place)
        np.testing.assert_array_equal(reader.picture(place, 48, 64), pixels)
    assert not reader.picture(place, 48, 64).flags.writeable


def test_a_picture_is_whole_until_its_slot_is_used_again():
    ring = PictureRing(48, 64, slots=3)
    reader = RingReader(ring.address)
    first = ring.write(np.zeros(SHAPE, np.uint8))
    for _ in range(2):
        ring.write(np.ones(SHAPE, np.uint8))
        assert reader.whole(first)
    ring.write(np.ones(SHAPE, np.uint8))
    assert not reader.whole(first)


def test_what_is_written_over_while_it_is_read_is_never_taken_for_whole(writer):
    process, address = writer
    reader = RingReader(address)
    process.stdin.write("\n")
    process.stdin.flush()
    torn = whole = 0
    for _ in range(20_000):
        for slot in range(2):
            sequence = int(reader._numbers[slot])
            if sequence % 2:
                continue  # being written: no message tells of such a number
            copy = reader.picture(place := RingPlace(slot, sequence), 48, 64).copy()
            uniform = copy.min() == copy.max()
            if reader.whole(place):
                assert uniform
                whole += 1
            torn += not uniform
    assert whole > 100 and torn > 0, f"{whole} whole and {torn} torn pictures: nothing was tried"


def test_a_killed_writer_leaves_its_readers_what_they_have_and_nothing_else(writer):
    process, address = writer
    reader = RingReader(address)
    process.send_signal(signal.SIGKILL)
    process.wait()
    place = RingPlace(0, 2)
    assert reader.whole(place) and (reader.picture(place, 48, 64) == 7).all()
    with pytest.raises(DeviceError, match="can't be opened"):
        RingReader(address)
    assert _mapped() == 1
    del reader
    assert _mapped() == 0, "the kernel has the memory back"
    assert not list(Path("/dev/shm").glob("*optimus_pictures*"))


def test_a_killed_reader_leaves_nothing():
    ring = PictureRing(48, 64)
    where = ring.address
    code = f"""
import time
from optimus_nodes.ros.picture_ring import RingAddress, RingReader
reader = RingReader(RingAddress({where.process}, {where.descriptor}, {where.token}))
print("open", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        process.kill()
    ring.write(np.zeros(SHAPE, np.uint8))
    ring.close()
    del ring
    assert _mapped() == 0


def test_a_picture_is_made_where_readers_will_find_it_and_seen_only_when_it_is_done():
    ring = PictureRing(48, 64, slots=3)
    reader = RingReader(ring.address)
    before = ring.write(np.zeros(SHAPE, np.uint8))
    memory = ring.begin()
    memory[:] = 5
    assert ring.begin() is memory, "one that was begun and never shown is made anew in the same place"
    assert not reader.whole(RingPlace(1, 2))
    place = ring.write(memory)
    assert place == RingPlace(1, 2) and (reader.picture(place, 48, 64) == 5).all()
    ring.begin()[:] = 6
    other = ring.write(np.full(SHAPE, 7, np.uint8))  # not the one that was begun
    assert (reader.picture(other, 48, 64) == 7).all()
    assert all(reader.whole(each) for each in (before, place, other))


def test_another_process_with_the_same_number_is_noticed():
    ring = PictureRing(48, 64)
    with pytest.raises(DeviceError, match="does not hold the pictures it should"):
        RingReader(replace(ring.address, token=ring.address.token ^ 1))
    with open(__file__, "rb") as file, pytest.raises(DeviceError, match="does not hold the pictures it should"):
        RingReader(replace(ring.address, descriptor=file.fileno()))


def test_places_outside_the_ring_are_refused():
    ring = PictureRing(48, 64, slots=2)
    reader = RingReader(ring.address)
    with pytest.raises(DeviceError, match="no picture of 64x48 in slot 2 of 2"):
        reader.picture(RingPlace(2, 2), 48, 64)
    with pytest.raises(DeviceError, match="no picture of 4000x4000 in slot 0"):
        reader.picture(RingPlace(0, 2), 4000, 4000)


def _mapped() -> int:
    """How often this process has memory of a ring mapped, after what is garbage has gone."""
    time.sleep(0.01)
    return Path(f"/proc/{os.getpid()}/maps").read_text().count("memfd:optimus_pictures")
