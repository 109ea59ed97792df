"""The job ``generate``: a prompt in, and events with its continuation out, as it comes."""

import secrets
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bit_transformer.codecs.codec import pack
from bit_transformer.codecs.frame import read_frame, write_frame
from bit_transformer.codecs.registry import get_codec
from bit_transformer.dashboard.failures import describe
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker.channel import JobContext
from bit_transformer.dashboard.worker.data import source_packed
from bit_transformer.dashboard.worker.models import LoadedModel, load
from bit_transformer.dashboard.worker.transcript import Kind, Transcript
from bit_transformer.errors import InputError
from bit_transformer.generation.asking import Asking, make_rows
from bit_transformer.generation.decoding import decode
from bit_transformer.generation.row import Row
from bit_transformer.generation.sampling import Sampling
from bit_transformer.model import View

__all__ = ["generate"]

_FLUSH_S = 0.05
_DEFAULT_CODEC = "huffman:english"
_NO_BITS = np.zeros(0, dtype=np.uint8)


@dataclass(frozen=True)
class _Plan:
    """What a request means for this model.

    Args:
        codec: what compresses; None without compression, or where the model chooses.
        is_free: the model writes a frame's header, too.
        gives_frame: the output is the model's frame, not the data in it.
        prompt: the prompt's data, (T,) uint8.
        read: the prompt as the model reads it.
    """

    view: View
    codec: str | None
    is_free: bool
    gives_frame: bool
    prompt: np.ndarray
    read: np.ndarray
    note: str | None

    @property
    def is_direct(self) -> bool:
        """Whether the model writes compressed bits."""
        return self.view == "direct"

    def kind(self, *, has_parity: bool) -> Kind:
        """What the output is."""
        if self.is_direct:
            return "frame" if self.gives_frame else "data of a frame"
        return "parity" if has_parity else "data"

    @property
    def telemetry_of(self) -> str:
        """Which bits K and C are those of."""
        if self.gives_frame:
            return "compressed output"
        return "decompressed output" if self.codec or self.is_free else "output"


def generate(
    arguments: dict[str, Any], context: JobContext, results: ResultStore
) -> dict[str, Any]:
    """The last event of a generation; those before it are emitted.

    Raises:
        InputError: the request does not fit itself or the model.
        CheckpointError: the run has no model yet, or a damaged one.
        GenerationError: the model's predictions are no numbers.
        CodecError: the model wrote a frame that does not decompress.
    """
    loaded = load(arguments["run"], arguments["checkpoint"], context)
    plan = _plan(arguments, loaded)
    seed = secrets.randbits(48) if arguments["seed"] is None else arguments["seed"]
    row = _row(arguments, plan, loaded, seed)
    opening = row.generated().numpy().copy() if plan.gives_frame else plan.prompt
    transcript = Transcript(plan.kind(has_parity=loaded.coding.has_parity), opening)
    _emit_start(arguments, context, loaded, plan, seed)
    started = time.perf_counter()
    sampling = Sampling(arguments["temperature"], arguments["top_k"], arguments["top_p"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        _run(loaded, row, sampling, plan, transcript, context)
    return {
        "type": "done",
        "reason": "length" if row.output.is_finished else "end of the frame",
        "num_bytes": transcript.num_bytes,
        "num_bits": len(row.generated()),
        "elapsed_s": time.perf_counter() - started,
        "bits_per_byte": transcript.bits_per_byte,
        "compression": _compression(plan, row, transcript),
        "download": _download(results, row, plan),
        "warning": _warning(caught),
    }


def _plan(arguments: dict[str, Any], loaded: LoadedModel) -> _Plan:
    view: View | None = arguments["view"]
    codec, note = arguments["codec"], None
    is_free = view == "direct" and codec is None
    if arguments["compression"] and codec is None and not is_free:
        codec = _usual_codec(loaded)
    if not arguments["compression"] and view != "direct":
        codec = None
    if view is None:
        view = _view_for(codec, loaded) if codec else "raw"
        if codec and view == "compressed":
            note = "this model was trained on the data itself, so it reads it through the codec"
    packed = source_packed(arguments["prompt"])
    prompt = np.unpackbits(packed.data, count=packed.num_bits)
    if view == "direct":
        _check_direct(arguments, loaded, is_free=is_free, has_prompt=bool(packed.num_bits))
    if arguments["raw_output"] and view != "direct":
        raise InputError(
            "raw_output gives the compressed bits that a model writes, and in the view "
            f"{view!r} it writes data; ask for the view 'direct', or leave raw_output out"
        )
    read = prompt
    if codec and view != "direct":
        read = np.unpackbits(
            read_frame(write_frame(packed, codec)).source.data, count=packed.num_bits
        )
    return _Plan(view, codec, is_free, arguments["raw_output"], prompt, read, note)


def _usual_codec(loaded: LoadedModel) -> str:
    """The first of the training's codecs that a model can be held to."""
    named = [codec for codec in loaded.codecs if codec != "auto"]
    complete = [codec for codec in named if get_codec(codec).is_complete]
    return next(iter(complete), _DEFAULT_CODEC)


def _view_for(codec: str, loaded: LoadedModel) -> View:
    can_write = loaded.is_direct and not loaded.coding.has_parity and codec != "auto"
    return "direct" if can_write and get_codec(codec).is_complete else "compressed"


def _check_direct(
    arguments: dict[str, Any], loaded: LoadedModel, *, is_free: bool, has_prompt: bool
) -> None:
    if loaded.coding.has_parity:
        raise InputError(
            "this model reads bytes with parity, so it writes no codec's frames; try without "
            "compression"
        )
    if is_free and has_prompt and "name" in arguments["prompt"]:
        is_digits = arguments["prompt"]["name"] in ("bits", "bytes")
        if not is_digits:
            raise InputError(
                "without a codec the model writes a whole frame, and a prompt is its beginning; "
                "name a codec, or give the prompt as bits or hexadecimal digits"
            )


def _row(arguments: dict[str, Any], plan: _Plan, loaded: LoadedModel, seed: int) -> Row:
    read = torch.from_numpy(plan.read.copy())
    asking = Asking(
        num_bits=loaded.coding.num_bits(arguments["num_bytes"]),
        seed=seed,
        view=plan.view,
        codec=plan.codec if plan.is_direct else None,
        decompress=plan.is_direct and not plan.gives_frame,
        strict=arguments["strict"],
    )
    (row,) = make_rows(loaded.coding.encode(read, "the prompt"), asking)
    return row


def _emit_start(
    arguments: dict[str, Any], context: JobContext, loaded: LoadedModel, plan: _Plan, seed: int
) -> None:
    is_random = arguments["temperature"] > 0 and arguments["top_k"] != 1
    context.emit(
        {
            "type": "start",
            "seed": seed if is_random else None,
            "view": plan.view,
            "codec": plan.codec,
            "prompt_bytes": -(-len(plan.prompt) // 8),
            "patch_bits": loaded.model.config.patch_bits,
            "checkpoint_step": loaded.step,
            "telemetry_of": plan.telemetry_of,
            "note": plan.note,
        }
    )


def _run(
    loaded: LoadedModel,
    row: Row,
    sampling: Sampling,
    plan: _Plan,
    transcript: Transcript,
    context: JobContext,
) -> None:
    """Draw bits until the row is finished, and tell of them every few hundredths of a second."""
    decoding = decode(
        loaded.model, [row], sampling, use_cache=True, view=plan.view, keeps_logits=True
    )
    data, flushed = [_NO_BITS], 0.0
    for (gain,) in decoding:
        context.check()
        data.append(row.newest_data if plan.gives_frame else gain.numpy())
        if time.perf_counter() - flushed >= _FLUSH_S:
            _tell(row, transcript, data, context)
            data, flushed = [_NO_BITS], time.perf_counter()
    try:
        data.append(row.finish().numpy())
    finally:  # what came out of a damaged frame is shown before the error
        _tell(row, transcript, data, context, is_last=True)


def _tell(
    row: Row,
    transcript: Transcript,
    data: list[np.ndarray],
    context: JobContext,
    *,
    is_last: bool = False,
) -> None:
    bits, logits = row.written(transcript.num_stream_bits)
    event = transcript.take(bits.numpy(), logits.numpy(), np.concatenate(data), is_last=is_last)
    if event is not None:
        context.emit(event)


def _compression(plan: _Plan, row: Row, transcript: Transcript) -> dict[str, Any] | None:
    """The sizes of prompt and output, and of what stands for them."""
    if plan.codec is None and not plan.is_free:
        return None
    if plan.is_direct:
        codec = plan.codec or _codec_of(row.between(0, row.num_known))
        prompt_bits = len(plan.prompt) if plan.codec else 0
        prompt_frame_bits, output_frame_bits = row.num_prompt, row.num_known - row.num_prompt
        output_bits = transcript.num_data_bits
    else:
        codec, output = plan.codec, row.generated().numpy()
        prompt_bits, output_bits = len(plan.prompt), len(output)
        prompt_frame_bits = write_frame(pack(plan.prompt), codec or "auto").num_bits
        output_frame_bits = write_frame(pack(output), codec or "auto").num_bits
    return {
        "codec": codec or "unknown",
        "prompt_bits": prompt_bits,
        "prompt_frame_bits": prompt_frame_bits,
        "output_bits": output_bits,
        "output_frame_bits": output_frame_bits,
        "prompt_ratio": _ratio(prompt_bits, prompt_frame_bits),
        "output_ratio": _ratio(output_bits, output_frame_bits),
        "compression_ratio": _ratio(
            prompt_bits + output_bits, prompt_frame_bits + output_frame_bits
        ),
    }


def _codec_of(frame: np.ndarray) -> str | None:
    """The codec that a frame names; None where its header cannot be read."""
    return read_frame(pack(frame), wants_prefix=True).codec


def _ratio(num_source_bits: int, num_bits: int) -> float | None:
    return num_source_bits / num_bits if num_source_bits and num_bits else None


def _download(results: ResultStore, row: Row, plan: _Plan) -> dict[str, Any] | None:
    bits = row.generated().numpy()
    if not len(bits):
        return None
    name = "output.frame" if plan.gives_frame else "output.bin"
    return results.add(name, np.packbits(bits).tobytes()).model_dump()


def _warning(caught: list[warnings.WarningMessage]) -> dict[str, Any] | None:
    texts = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    if not texts:
        return None
    return describe(InputError(texts[-1]), "generate").model_dump() | {"kind": "Warning"}
