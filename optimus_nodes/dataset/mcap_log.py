"""Every stream of one episode at its own rate, in an MCAP file that survives the death of its writer.

Messages gather in two chunks, one packed (numbers) and one not (video, pictures). `flush` ends both and hands them to
the OS, so a killed process loses only what came after the last `flush`; `sync` makes that true for a power failure
too. `repair` turns whatever is left of a file into a proper one. The library's own writer takes 17 small writes per
message; here it is one `pack`, so that 1500 messages a second stay unnoticed.
"""

from __future__ import annotations

import mmap
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import zstandard
from mcap import records
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.stream_reader import get_chunk_data_stream

from .files import DatasetError, move_whole
from .mcap_file import LIBRARY, MAGIC, RECORD, McapFile, stream, to_bytes

_MESSAGE = struct.Struct("<BQHIQQ")  # opcode, bytes that follow, channel, sequence, log time, publish time
_CHUNK_BYTES = 1 << 20  # a chunk that grew this large ends by itself
_BROKEN = (McapError, ValueError, KeyError, struct.error, zstandard.ZstdError, RuntimeError)  # what a bad record raises
_ALREADY_PACKED = ("CompressedVideo", "CompressedImage")  # their bytes would only cost time to pack


@dataclass
class _Chunk:
    """Messages that become one chunk record."""

    packed: bool
    data: bytearray = field(default_factory=bytearray)
    index: dict[int, list[int]] = field(default_factory=dict)  # channel -> log time, offset, log time, offset, ...
    start: int = 0
    end: int = 0

    def clear(self) -> None:
        self.data, self.index, self.start, self.end = bytearray(), {}, 0, 0


class McapLog:
    """The MCAP file of one episode, written as it happens. Times in ns; use it in a `with` block or call `close`.

    An OSError of `flush`, `sync` or `close` means that the disk is full or gone: what earlier calls
    wrote stays readable.
    """

    def __init__(self, path: Path, level: int = 1) -> None:
        """`level`: effort of zstd for numbers, 1 is quickest."""
        self._file = McapFile(Path(path))
        self._zstd = zstandard.ZstdCompressor(level=level, write_checksum=False)
        self._schemas: dict[tuple[str, bytes], int] = {}
        self._chunks = (_Chunk(packed=True), _Chunk(packed=False))
        self._of_channel: dict[int, _Chunk] = {}
        self._sequence: dict[int, int] = {}
        self._file.header("ros2", LIBRARY)
        self._file.write_out()

    def channel(
        self,
        topic: str,
        schema_name: str,
        schema_text: str,
        schema_encoding: str = "ros2msg",
        qos_yaml: str = "",
        rate_hz: float | None = None,
    ) -> int:
        """Add a topic, such as "/joint_states" of "sensor_msgs/msg/JointState"; the id that `write` takes."""
        key = (schema_name, schema_text.encode())
        if key not in self._schemas:
            self._schemas[key] = len(self._schemas) + 1
            self._file.schema(records.Schema(self._schemas[key], key[1], schema_encoding, schema_name))
        number = len(self._of_channel) + 1
        about = {"offered_qos_profiles": qos_yaml}
        if rate_hz is not None:
            about["rate_hz"] = f"{rate_hz:g}"
        self._file.channel(records.Channel(number, topic, "cdr", about, self._schemas[key]))
        self._of_channel[number] = self._chunks[schema_name.endswith(_ALREADY_PACKED)]
        self._sequence[number] = 0
        return number

    def write(self, channel_id: int, log_time_ns: int, publish_time_ns: int, cdr_bytes: bytes) -> None:
        """Add a message. Both times must be >= 0."""
        chunk = self._of_channel[channel_id]
        data, index = chunk.data, chunk.index
        if not data:
            chunk.start = chunk.end = log_time_ns
        elif log_time_ns > chunk.end:
            chunk.end = log_time_ns
        elif log_time_ns < chunk.start:
            chunk.start = log_time_ns
        sequence = self._sequence[channel_id]
        self._sequence[channel_id] = sequence + 1
        head = _MESSAGE.pack(5, 22 + len(cdr_bytes), channel_id, sequence & 0xFFFFFFFF, log_time_ns, publish_time_ns)
        if channel_id in index:
            index[channel_id] += (log_time_ns, len(data))
        else:
            index[channel_id] = [log_time_ns, len(data)]
        data += head
        data += cdr_bytes
        if len(data) > _CHUNK_BYTES:
            self._end_chunk(chunk)

    def flush(self) -> None:
        """End the current chunks and hand everything to the OS: from here on it survives the death of this process."""
        for chunk in self._chunks:
            self._end_chunk(chunk)
        self._file.write_out()

    def sync(self) -> None:
        """Wait until everything flushed is on the disk: from here on it survives a power failure."""
        self._file.sync()

    def metadata(self, name: str, values: Mapping[str, object]) -> None:
        """Add named facts; every value is kept as text."""
        self._file.metadata(records.Metadata(name, {key: str(value) for key, value in values.items()}))

    def attach(self, name: str, media_type: str, data: bytes) -> None:
        """Add a file, such as the robot's URDF."""
        now = time.time_ns()
        self._file.attachment(records.Attachment(now, self._file.end_time, name, media_type, data))

    def close(self) -> None:
        """Write what is left, the index and the summary, durably. A second call does nothing."""
        if self._file.closed:
            return
        for chunk in self._chunks:
            self._end_chunk(chunk)
        self._file.finish()

    def _end_chunk(self, chunk: _Chunk) -> None:
        if not chunk.data:
            return
        data = self._zstd.compress(chunk.data) if chunk.packed else chunk.data
        head = records.Chunk(
            compression="zstd" if chunk.packed else "",
            data=b"",
            message_start_time=chunk.start,
            message_end_time=chunk.end,
            uncompressed_crc=zlib.crc32(chunk.data),
            uncompressed_size=len(chunk.data),
        )
        self._file.chunk(head, data, chunk.index)
        chunk.clear()

    def __enter__(self) -> McapLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` found. `whole`: the file was in order and was not touched."""

    whole: bool
    messages: int
    end_time_ns: int  # log time of the last message, 0 when there is none
    topics: dict[str, int]  # messages of each topic
    lost_bytes: int  # at the end of the file, after the last whole record
    damaged: int  # records left out because their content is wrong


def repair(path: Path) -> RepairReport:
    """Make a proper MCAP file of what a kill or a cut left: everything up to the last whole chunk.

    The file is replaced in one step, and not at all when it is in order. It may be cut anywhere, even to no bytes.

    Raises: DatasetError when it is no MCAP file.
    """
    path = Path(path)
    with path.open("rb") as source:
        start = source.read(len(MAGIC))
        if start != MAGIC[: len(start)]:
            raise DatasetError(f"{path} is no MCAP file: it begins with {start!r}, expected {MAGIC!r}; move it away")
        data = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) if start else b""
    beside = path.with_name(f".{path.name}.part")
    file = McapFile(beside)
    try:
        file.header("ros2", LIBRARY)
        end, whole, damaged = _copy(data, file)
        topics: dict[str, int] = {}
        for number, count in file.counts.items():
            topic = file.channels[number].topic
            topics[topic] = topics.get(topic, 0) + count
        report = RepairReport(whole, file.messages, file.end_time, topics, len(data) - end, damaged)
        if not whole:
            file.finish()
            move_whole(beside, path)
    finally:
        file.abandon()
        beside.unlink(missing_ok=True)
    return report


def _records(data: mmap.mmap | bytes) -> Iterator[tuple[int, int, int]]:
    """Opcode, start and end of every record that is whole."""
    place = len(MAGIC)
    while place + RECORD.size <= len(data):
        opcode, size = RECORD.unpack_from(data, place)
        end = place + RECORD.size + size
        if opcode == 0 or end > len(data):
            return
        yield opcode, place, end
        place = end


def _copy(data: mmap.mmap | bytes, file: McapFile) -> tuple[int, bool, int]:
    """Copy whole records. Offset after the last of them, whether all is in order, how many were damaged."""
    damaged, sound, last = 0, True, min(len(MAGIC), len(data))
    for opcode, start, end in _records(data):
        body, last = start + RECORD.size, end
        if opcode == Opcode.FOOTER:
            summary, _, crc = struct.unpack_from("<QQI", data, body)
            closed = crc in (0, zlib.crc32(data[summary : end - 4])) and data[end:] == MAGIC
            return len(data) if closed else end, closed and sound and not damaged, damaged
        try:
            if opcode == Opcode.CHUNK:
                sound &= _copy_chunk(bytes(data[start:end]), file)
            elif opcode == Opcode.STATISTICS:
                sound &= struct.unpack_from("<Q", data, body) == (file.messages,)
            elif opcode == Opcode.MESSAGE:
                _copy_loose(bytes(data[start:end]), file)
            elif opcode == Opcode.SCHEMA:
                file.schema(records.Schema.read(stream(data[body:end])))
            elif opcode == Opcode.CHANNEL:
                file.channel(records.Channel.read(stream(data[body:end])))
            elif opcode == Opcode.METADATA:
                file.metadata(records.Metadata.read(stream(data[body:end])))
            elif opcode == Opcode.ATTACHMENT:
                file.attachment(records.Attachment.read(stream(data[body:end])))
        except _BROKEN:
            damaged += 1
        file.write_out()
    return last, False, damaged


def _copy_loose(record: bytes, file: McapFile) -> None:
    """Copy a message that stands outside of chunks, as other writers leave it, into a chunk of its own."""
    (stamp,) = struct.unpack_from("<Q", record, RECORD.size + 6)
    _copy_chunk(to_bytes(records.Chunk("", record, stamp, stamp, zlib.crc32(record), len(record))), file)


def _copy_chunk(record: bytes, file: McapFile) -> bool:
    """Copy one chunk, head and index made anew from its content; whether its head was in order.

    Raises: one of _BROKEN when its checksum is wrong.
    """
    head = records.Chunk.read(stream(record[RECORD.size :]))
    index: dict[int, list[int]] = {}
    content, whole = get_chunk_data_stream(head, validate_crc=True)
    inside, place = content.read(whole), 0
    while place < len(inside):
        opcode, size = RECORD.unpack_from(inside, place)
        body = place + RECORD.size
        if opcode == Opcode.MESSAGE:
            channel, _, log_time = struct.unpack_from("<HIQ", inside, body)
            if channel not in file.channels:
                raise KeyError(channel)
            index.setdefault(channel, []).extend((log_time, place))
        elif opcode == Opcode.SCHEMA:
            file.schema(records.Schema.read(stream(inside[body : body + size])), in_chunk=True)
        elif opcode == Opcode.CHANNEL:
            file.channel(records.Channel.read(stream(inside[body : body + size])), in_chunk=True)
        place = body + size
    if index:
        times = [places[::2] for places in index.values()]
        head.message_start_time, head.message_end_time = min(map(min, times)), max(map(max, times))
    head.uncompressed_size = len(inside)
    file.chunk(head, head.data, index)
    return to_bytes(head) == record
