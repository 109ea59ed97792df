"""What workers do: generating, scoring, coding, measuring."""

from typing import Annotated, Literal

from pydantic import Field

from bit_transformer.dashboard.schemas.body import Body
from bit_transformer.dashboard.schemas.errors import ErrorDetail
from bit_transformer.dashboard.schemas.source import Source
from bit_transformer.dashboard.schemas.storage import Download

__all__ = [
    "ChunkEvent",
    "CompareAnswer",
    "CompareRequest",
    "CompareResult",
    "Compression",
    "CompressAnswer",
    "CompressRequest",
    "DecompressAnswer",
    "DecompressRequest",
    "DoneEvent",
    "ErrorEvent",
    "Frame",
    "GenerateEvent",
    "GenerateRequest",
    "InspectAnswer",
    "InspectRequest",
    "Measured",
    "Preview",
    "ScoreAnswer",
    "ScoreRequest",
    "Segment",
    "StartEvent",
    "TelemetryAnswer",
    "TelemetryRequest",
    "Windows",
]

RunName = Annotated[str, Field(min_length=1, max_length=255)]
CodecName = Annotated[str, Field(min_length=1, max_length=64)]
View = Literal["raw", "compressed", "direct"]


class GenerateRequest(Body):
    """A prompt to be continued.

    With ``compression``, a model that was trained on compressed bits writes in ``codec`` and its
    output is decompressed as it comes; for any other, the prompt is compressed and read through
    the codec, and the output compressed. The answer tells the sizes. Without a ``view``, that
    choice is made by how the model was trained.
    """

    run: RunName
    prompt: Source = Source(kind="text", value="")
    num_bytes: int = Field(default=256, ge=0)
    temperature: float = Field(default=1.0, ge=0, le=100)
    top_k: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="None: a new one")
    compression: bool = False
    codec: CodecName | None = Field(default=None, description="None: the first the run knows")
    view: View | None = None
    strict: bool = Field(default=True, description="a damaged frame is an error")
    raw_output: bool = Field(default=False, description="direct: the compressed bits themselves")
    checkpoint: Literal["newest", "best"] = "newest"


class StartEvent(Body):
    """The model is at work. ``preparing`` events may come before, with a message."""

    type: Literal["preparing", "start"]
    message: str | None = None
    seed: int | None = None
    view: View | None = None
    codec: str | None = None
    prompt_bytes: int | None = None
    patch_bits: int | None = None
    checkpoint_step: int | None = None
    telemetry_of: Literal["output", "decompressed output", "compressed output"] | None = None
    note: str | None = Field(default=None, description="worth telling the user")


class ChunkEvent(Body):
    """New output.

    Args:
        bytes: base64 of the bytes that these bits complete.
        text: the characters that they complete.
        bits: the new bits that the model predicted, as zeros and ones: of the data, or in the
            direct view of the frame.
        bit_surprise: code length of each of ``bits`` in bits, as the model predicted it.
        byte_surprise: of each of ``bytes``; in the direct view, the frame's bits are shared out
            evenly among the bytes that they brought.
        prob_one: the predicted probability that each of ``bits`` is 1.
        num_bytes: output so far.
        k, c, s: of the latest output; None while there is too little.
    """

    type: Literal["chunk"]
    bytes: str
    text: str
    bits: str
    bit_surprise: list[float]
    byte_surprise: list[float]
    prob_one: list[float]
    num_bytes: int
    k: float | None = None
    c: float | None = None
    s: float | None = None


class Compression(Body):
    """Sizes of a prompt and an output, and of the frames of both.

    ``compression_ratio`` is in over out of both together.
    """

    codec: str
    prompt_bits: int
    prompt_frame_bits: int
    output_bits: int
    output_frame_bits: int
    prompt_ratio: float | None
    output_ratio: float | None
    compression_ratio: float | None


class DoneEvent(Body):
    """The end of a generation: ``length`` or ``end of the frame``."""

    type: Literal["done"]
    reason: str
    num_bytes: int
    num_bits: int
    elapsed_s: float
    bits_per_byte: float | None = Field(description="mean surprise of a byte")
    compression: Compression | None
    download: Download | None = Field(description="the output as a file")
    warning: ErrorDetail | None = None


class ErrorEvent(Body):
    """A generation that ended early."""

    type: Literal["error"]
    error: ErrorDetail


GenerateEvent = StartEvent | ChunkEvent | DoneEvent | ErrorEvent


class ScoreRequest(Body):
    """Data to be predicted by a model, bit by bit."""

    run: RunName
    source: Source
    checkpoint: Literal["newest", "best"] = "newest"


class ScoreAnswer(Body):
    """How a model predicts given data; lists as in a generation's chunks."""

    num_bits: int
    bits_per_byte: float
    bits_per_bit: float
    is_cut: bool = Field(description="only the beginning of the data was scored")
    bytes: str
    text: str
    bits: str
    bit_surprise: list[float]
    byte_surprise: list[float]
    prob_one: list[float]
    k: float
    c: float | None
    s: float


class CompareRequest(Body):
    """Data to be compressed by several codecs."""

    source: Source
    codecs: list[CodecName] | None = Field(default=None, max_length=32, description="None: all")
    level: int | None = Field(default=None, description="for the codecs that have levels")


class CompareResult(Body):
    """What one codec makes of the data; with an error, it has no figures."""

    name: str
    num_bits: int | None = None
    header_bits: int | None = None
    compressed_fraction: float | None = None
    compression_ratio: float | None = None
    encode_s: float | None = None
    decode_s: float | None = None
    is_smallest: bool = False
    error: ErrorDetail | None = None


class CompareAnswer(Body):
    """The results, the smallest first, those with errors last."""

    num_source_bits: int
    results: list[CompareResult]


class CompressRequest(Body):
    """Data to become a frame; ``auto`` takes the smallest of what is quick."""

    source: Source
    codec: CodecName = "auto"
    level: int | None = None
    table: str | None = Field(default=None, max_length=64)


class Frame(Body):
    """What a frame's header says."""

    codec: str
    num_source_bits: int
    header_bits: int
    num_payload_bits: int


class CompressAnswer(Body):
    """The frame as a file, padded to whole bytes."""

    download: Download
    frame: Frame
    compressed_fraction: float | None
    compression_ratio: float | None


class DecompressRequest(Body):
    """A frame to be read: wholly, or as far as it goes."""

    source: Source
    mode: Literal["strict", "prefix"] = "strict"


class Preview(Body):
    """The first bytes of a result."""

    text: str | None = Field(description="None where they are no UTF-8")
    hex: str
    is_cut: bool


class DecompressAnswer(Body):
    """What came out. With ``prefix``, perhaps a part, and then the error that ended it."""

    download: Download
    preview: Preview
    codec: str | None
    is_complete: bool
    num_frame_bits: int = Field(description="of the frame, as far as it was read; no padding")
    num_source_bits: int | None
    num_decoded_bits: int
    error: ErrorDetail | None


class InspectRequest(Body):
    """A bit stream to be looked at: the frame of some data, or a frame itself.

    Args:
        codec: compress ``source`` with it first; None: ``source`` is a frame.
        first_bit: where the view begins.
    """

    source: Source
    codec: CodecName | None = None
    first_bit: int = Field(default=0, ge=0)
    max_bits: int = Field(default=4096, ge=1, le=65_536)


class Segment(Body):
    """A stretch of a bit stream with one meaning."""

    start: int
    num_bits: int
    kind: Literal["header", "table", "literal", "run", "match", "code", "padding", "unread"]
    label: str


class InspectAnswer(Body):
    """Some bits of a frame, as zeros and ones, and what they mean, without gaps."""

    codec: str
    num_bits: int
    num_source_bits: int
    first_bit: int
    bits: str
    segments: list[Segment]
    is_cut: bool
    error: ErrorDetail | None = None


class TelemetryRequest(Body):
    """Data, or a frame, whose K, C and S are wanted.

    Args:
        run: whose expectation S is; None: that of the rest of the data.
        is_frame: ``source`` is a frame, and ``which`` says what of it is measured.
    """

    source: Source
    run: RunName | None = None
    window_bytes: int = Field(default=1024, ge=1, le=16_777_216)
    stride_bytes: int | None = Field(default=None, ge=1)
    is_frame: bool = False
    which: Literal["source", "stream", "both"] = "source"


class Windows(Body):
    """Values window by window; ``starts`` are bits."""

    window_bits: int
    starts: list[int]
    k: list[float]
    c: list[float]
    model_k: list[float] | None = None
    s: list[float] | None = None


class Measured(Body):
    """K, C and S of one string, whole and in windows."""

    num_bits: int
    k: float
    c: float | None = None
    model_k: float | None = None
    s: float | None = None
    windows: Windows | None = None


class TelemetryAnswer(Body):
    """What was measured: ``data``, or of a frame ``source`` (decompressed bits) and ``stream``."""

    num_bytes: int
    codec: str | None
    expected_by: str | None
    problem: ErrorDetail | None
    measured: dict[Literal["data", "source", "stream"], Measured]
