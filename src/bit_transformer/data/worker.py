"""A process that compresses sequences for the loader: jobs in on stdin, rows out on stdout.

Started by ``pool`` as ``python -m bit_transformer.data.worker``. It imports neither PyTorch nor
the program that trains, shares nothing with it, and ends when its stdin does, so that none is
left behind however the training ends. Messages are a JSON object and bytes; nothing is a pickle.

    message    length of the JSON and length of the bytes, 4 bytes each, most significant first;
               the JSON; the bytes
    jobs       {"jobs": [[view, codec, row_bits, bytes of source], ...]}, sources one after another
    rows       {"rows": [[bits, source bits, frame bits], ...]}, rows packed, one after another
    failure    {"error": message}, no bytes
"""

import json
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from bit_transformer.codecs.codec import Packed
from bit_transformer.data.compression import Job, Row, do_job
from bit_transformer.errors import BitTransformerError

__all__ = [
    "Message",
    "answer",
    "jobs_in",
    "main",
    "message_of_jobs",
    "read_message",
    "rows_in",
    "write_message",
]

_LENGTHS = struct.Struct(">II")


class Message(NamedTuple):
    """What travels through a pipe."""

    head: Mapping[str, Any]
    body: bytes = b""


def main() -> None:
    """Answer messages until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training to handle
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a codec that prints must not talk into the pipe
    while (message := read_message(source)) is not None:
        write_message(sink, answer(message))


def answer(message: Message) -> Message:
    """The rows of the jobs in a message, or what went wrong with one of them."""
    try:
        rows = [do_job(job) for job in jobs_in(message)]
    except BitTransformerError as error:
        return Message({"error": str(error)})
    sizes = [[row.bits.num_bits, row.num_source_bits, row.num_frame_bits] for row in rows]
    return Message({"rows": sizes}, b"".join(row.bits.data.tobytes() for row in rows))


def message_of_jobs(jobs: Sequence[Job]) -> Message:
    """The jobs, on their way to a worker."""
    sizes = [[job.view, job.codec, job.row_bits, len(job.source)] for job in jobs]
    return Message({"jobs": sizes}, b"".join(job.source for job in jobs))


def jobs_in(message: Message) -> list[Job]:
    """The jobs of a message that :func:`message_of_jobs` made."""
    jobs, place = [], 0
    for view, codec, row_bits, size in message.head["jobs"]:
        jobs.append(Job(view, codec, message.body[place : place + size], row_bits))
        place += size
    return jobs


def rows_in(message: Message) -> list[Row]:
    """The rows of a message that :func:`answer` made."""
    rows, place = [], 0
    for num_bits, num_source_bits, num_frame_bits in message.head["rows"]:
        size = -(-num_bits // 8)
        data = np.frombuffer(message.body, np.uint8, size, place)
        rows.append(Row(Packed(data, num_bits), num_source_bits, num_frame_bits))
        place += size
    return rows


def read_message(pipe: IO[bytes]) -> Message | None:
    """The next message, or None where the pipe has ended."""
    lengths = pipe.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_bytes, body_bytes = _LENGTHS.unpack(lengths)
    content = pipe.read(head_bytes + body_bytes)
    if len(content) < head_bytes + body_bytes:
        return None
    return Message(json.loads(content[:head_bytes]), content[head_bytes:])


def write_message(pipe: IO[bytes], message: Message) -> None:
    """Send a message."""
    head = json.dumps(message.head, separators=(",", ":")).encode()
    pipe.write(_LENGTHS.pack(len(head), len(message.body)) + head + message.body)
    pipe.flush()


if __name__ == "__main__":
    main()
