"""MCAP records into a file, and the summary that lets readers jump: what `mcap_log` is built on."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from mcap import records
from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.opcode import Opcode

MAGIC = b"\x89MCAP0\r\n"
LIBRARY = "optimus_humanoid"
_MOST_PIECES = 1024  # IOV_MAX of Linux
RECORD = struct.Struct("<BQ")  # opcode, bytes that follow


def to_bytes(record: records.McapRecord) -> bytes:
    """A record as it stands in a file."""
    builder = RecordBuilder()
    record.write(builder)
    return bytes(builder.end())


def stream(data: bytes) -> ReadDataStream:
    """What the library's records are read from."""
    return ReadDataStream(io.BytesIO(data))


class McapFile:
    """Appends whole records to an MCAP file and remembers what its summary must say."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._waiting: list[bytes | bytearray] = []
        self._end = 0  # offset in the file after everything waiting
        self._written = 0  # offset after everything the OS has
        self._schemas: dict[int, records.Schema] = {}
        self.channels: dict[int, records.Channel] = {}
        self._chunks: list[records.ChunkIndex] = []
        self._attachments: list[records.AttachmentIndex] = []
        self._metadata: list[records.MetadataIndex] = []
        self.counts: dict[int, int] = {}
        self.start_time, self.end_time = 0, 0

    @property
    def messages(self) -> int:
        return sum(self.counts.values())

    def append(self, data: bytes | bytearray) -> int:
        """Queue bytes; their offset in the file."""
        offset = self._end
        self._waiting.append(data)
        self._end += len(data)
        return offset

    def header(self, profile: str, library: str) -> None:
        self.append(MAGIC + to_bytes(records.Header(profile, library)))

    def schema(self, schema: records.Schema, in_chunk: bool = False) -> None:
        if schema.id not in self._schemas and not in_chunk:
            self.append(to_bytes(schema))
        self._schemas.setdefault(schema.id, schema)

    def channel(self, channel: records.Channel, in_chunk: bool = False) -> None:
        """Raises KeyError when its schema is not in the file."""
        if channel.schema_id and channel.schema_id not in self._schemas:
            raise KeyError(channel.schema_id)
        if channel.id not in self.channels and not in_chunk:
            self.append(to_bytes(channel))
        self.channels.setdefault(channel.id, channel)
        self.counts.setdefault(channel.id, 0)

    def chunk(self, head: records.Chunk, data: bytes | bytearray, index: Mapping[int, list[int]]) -> None:
        """Queue a chunk of `data` (not copied; the data of `head` is not looked at) and the index of its messages."""
        kind = head.compression.encode()
        times = (head.message_start_time, head.message_end_time, head.uncompressed_size, head.uncompressed_crc)
        body = struct.pack("<QQQI", *times) + struct.pack("<I", len(kind)) + kind + struct.pack("<Q", len(data))
        start = self.append(RECORD.pack(Opcode.CHUNK, len(body) + len(data)) + body)
        self.append(data)
        entry = records.ChunkIndex(
            chunk_start_offset=start,
            chunk_length=self._end - start,
            compression=head.compression,
            compressed_size=len(data),
            uncompressed_size=head.uncompressed_size,
            message_start_time=head.message_start_time,
            message_end_time=head.message_end_time,
            message_index_length=0,
            message_index_offsets={},
        )
        if not self._chunks or head.message_start_time < self.start_time:
            self.start_time = head.message_start_time
        self.end_time = max(self.end_time, head.message_end_time)
        self._chunks.append(entry)
        for channel, places in index.items():
            size = 8 * len(places)
            body = struct.pack(f"<HI{len(places)}Q", channel, size, *places)
            entry.message_index_offsets[channel] = self.append(RECORD.pack(Opcode.MESSAGE_INDEX, len(body)) + body)
            entry.message_index_length += RECORD.size + len(body)
            self.counts[channel] = self.counts.get(channel, 0) + len(places) // 2

    def metadata(self, record: records.Metadata) -> None:
        data = to_bytes(record)
        self._metadata.append(records.MetadataIndex(self.append(data), len(data), record.name))

    def attachment(self, record: records.Attachment) -> None:
        data = to_bytes(record)
        self._attachments.append(
            records.AttachmentIndex(
                offset=self.append(data),
                length=len(data),
                log_time=record.log_time,
                create_time=record.create_time,
                data_size=len(record.data),
                name=record.name,
                media_type=record.media_type,
            )
        )

    def write_out(self) -> None:
        """Hand everything queued to the OS. On an OSError (disk full) it is as if nothing new had been written."""
        pieces = [memoryview(piece) for piece in self._waiting]
        try:
            while pieces:
                done = os.writev(self._fd, pieces[:_MOST_PIECES])
                while pieces and done >= len(pieces[0]):
                    done -= len(pieces.pop(0))
                if pieces:
                    pieces[0] = pieces[0][done:]
        except OSError:
            os.ftruncate(self._fd, self._written)
            os.lseek(self._fd, self._written, os.SEEK_SET)
            raise
        self._waiting.clear()
        self._written = self._end

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def finish(self) -> None:
        """Write the end of the data, the summary and the footer, make them durable and close the file."""
        try:
            self.append(to_bytes(records.DataEnd(0)))
            self.append(self._summary(self._end))
            self.write_out()
            self.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _summary(self, start: int) -> bytes:
        """Summary, footer and closing magic of a file whose data ends at `start`."""
        statistics = records.Statistics(
            attachment_count=len(self._attachments),
            channel_count=len(self.channels),
            channel_message_counts=self.counts,
            chunk_count=len(self._chunks),
            message_count=self.messages,
            message_start_time=self.start_time,
            message_end_time=self.end_time,
            metadata_count=len(self._metadata),
            schema_count=len(self._schemas),
        )
        groups: tuple[tuple[Opcode, list[records.McapRecord]], ...] = (
            (Opcode.SCHEMA, list(self._schemas.values())),
            (Opcode.CHANNEL, list(self.channels.values())),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, list(self._chunks)),
            (Opcode.ATTACHMENT_INDEX, list(self._attachments)),
            (Opcode.METADATA_INDEX, list(self._metadata)),
        )
        summary, offsets = b"", b""
        for opcode, group in groups:
            data = b"".join(to_bytes(record) for record in group)
            if data:
                offsets += to_bytes(records.SummaryOffset(opcode, start + len(summary), len(data)))
            summary += data
        offset_start = start + len(summary)
        summary += offsets
        head = RECORD.pack(Opcode.FOOTER, 20) + struct.pack("<QQ", start, offset_start)
        return summary + head + struct.pack("<I", zlib.crc32(summary + head)) + MAGIC
