"""Many small messages, each compressed alone, for queues, databases and logs.

An archive says how it was made, and that takes a score of bytes, more than a line of a log may
need. Here both sides agree on that beforehand: they make the same :class:`MessageCodec`, and a
message carries its size, its payload and a short checksum. What is gained beyond that comes from
the model, which knows the language, and its primer, which knows the kind of message.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from typing_extensions import Buffer

from bit_transformer.archive.container import MAX_BLOCK_BYTES
from bit_transformer.archive.fields import FieldReader, number_field, string_field
from bit_transformer.archive.mixing.interface import MIXING_VERSION, READABLE_VERSIONS
from bit_transformer.archive.models import ModelChoice, make_coder
from bit_transformer.errors import ArchiveError, InputError

__all__ = ["MessageCodec"]

_FORMAT = b"bit-transformer message 1"
_CHECK_BYTES = (0, 2, 4, 8)


class MessageCodec:
    """Compresses messages one by one; only an equal codec undoes it.

    Args:
        level: as in ``compress``.
        model: as in ``compress``.
        check_bytes: of the checksum, 0, 2, 4 or 8: a message that was damaged, or made by another
            codec, passes for a right one once in 2^(8 check_bytes). With 0 most such messages
            pass, and give wrong bytes: only for channels that notice damage, between ends that
            have compared ``model_hash``.
        max_bytes: the longest message.
        num_threads: how many messages are worked on at once; changes no message.
        version: of the coder. Both ends must have the same: name it where one of them is of an
            earlier release, and to read what is left of an earlier one.

    Raises:
        InputError: an argument does not fit.
        ArchiveError: the model is none.

    Example:
        >>> codec = MessageCodec(level="fast", model="none")
        >>> message = codec.compress(b"la " * 40)
        >>> len(message) < 30, codec.decompress(message) == b"la " * 40
        (True, True)
    """

    def __init__(
        self,
        *,
        level: str = "default",
        model: ModelChoice = "default",
        check_bytes: int = 4,
        max_bytes: int = 1 << 16,
        num_threads: int | None = None,
        version: int = MIXING_VERSION,
    ) -> None:
        if check_bytes not in _CHECK_BYTES:
            raise InputError(f"check_bytes must be one of {_CHECK_BYTES}, got {check_bytes}")
        if not 0 < max_bytes <= MAX_BLOCK_BYTES:
            raise InputError(f"max_bytes must be 1 to {MAX_BLOCK_BYTES}, got {max_bytes}")
        if version not in READABLE_VERSIONS:
            raise InputError(f"version must be one of {READABLE_VERSIONS}, got {version}")
        self._coder = replace(make_coder(level, model, num_threads), version=version)
        self._check_bytes = check_bytes
        self._max_bytes = max_bytes
        how = f"{self._coder.level} {version}".encode()
        self._hash = hashlib.sha256(b"".join(map(string_field, (_FORMAT, how))))
        self._hash.update(string_field(self._coder.model_hash))

    @property
    def model_hash(self) -> str:
        """The model's hash in hexadecimal digits, empty without a model."""
        return self._coder.model_hash.hex()

    def compress(self, message: Buffer) -> bytes:
        """The message, compressed: never more than 4 + ``check_bytes`` bytes longer.

        Raises:
            InputError: it is longer than ``max_bytes``.
        """
        return self.compress_all([message])[0]

    def decompress(self, compressed: Buffer) -> bytes:
        """The message.

        Raises:
            ArchiveError: it is damaged, cut, too long, or was made by another codec.
        """
        return self.decompress_all([compressed])[0]

    def compress_all(self, messages: Sequence[Buffer]) -> list[bytes]:
        """What :meth:`compress` gives for each message, several at a time."""
        contents = [bytes(memoryview(message)) for message in messages]
        for content in contents:
            if len(content) > self._max_bytes:
                raise InputError(
                    f"the message has {len(content)} bytes, and this codec takes at most "
                    f"{self._max_bytes}; raise max_bytes on both sides, or make an archive"
                )
        payloads = iter(self._coder.encode([content for content in contents if content]))
        return [self._message(content, next(payloads) if content else None) for content in contents]

    def decompress_all(self, compressed: Sequence[Buffer]) -> list[bytes]:
        """What :meth:`decompress` gives for each message, several at a time."""
        parts = [self._parts(bytes(memoryview(one))) for one in compressed]
        coded = [part for part in parts if not part[1]]
        payloads, sizes = [part[2] for part in coded], [part[0] for part in coded]
        decoded = iter(self._coder.decode(payloads, sizes) if coded else [])
        return [self._checked(part, part[2] if part[1] else next(decoded)) for part in parts]

    def _message(self, content: bytes, payload: bytes | None) -> bytes:
        body = content if payload is None else payload
        head = number_field(2 * len(content) + (payload is None))
        return head + body + self._check(head, body, content)

    def _parts(self, compressed: bytes) -> tuple[int, bool, bytes, bytes, bytes]:
        """Size, whether it is stored, payload, head and check of a message."""
        reader = FieldReader(compressed, "the message")
        number = reader.number(2 * self._max_bytes + 1)
        num_bytes, is_stored = number // 2, bool(number & 1)
        head = compressed[: reader.position]
        num_payload_bytes = reader.num_left - self._check_bytes
        is_fitting = num_payload_bytes == num_bytes if is_stored else num_payload_bytes < num_bytes
        if num_payload_bytes < 0 or not is_fitting:
            raise self._error()
        return (
            num_bytes,
            is_stored,
            reader.take(num_payload_bytes),
            head,
            reader.take(self._check_bytes),
        )

    def _checked(self, parts: tuple[int, bool, bytes, bytes, bytes], content: bytes) -> bytes:
        _, _, payload, head, check = parts
        if check != self._check(head, payload, content):
            raise self._error()
        return content

    def _check(self, head: bytes, payload: bytes, content: bytes) -> bytes:
        digest = self._hash.copy()
        digest.update(b"".join(map(string_field, (head, payload, content))))
        return digest.digest()[: self._check_bytes]

    def _error(self) -> ArchiveError:
        with_model = f"the model {self.model_hash}" if self.model_hash else "no model"
        return ArchiveError(
            "the message is damaged, or was not made by a codec like this one, which has the "
            f"level {self._coder.level} and {with_model}; make the codec as the sender did"
        )
