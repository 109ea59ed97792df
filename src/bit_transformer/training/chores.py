"""What a training does besides its steps: evaluating, sampling, saving. None of it costs budget.

Each chore marks in the counters when it was done, so that it is neither left out nor done twice
when a run is stopped and resumed between a step and its chores.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bit_transformer.bits import add_parity, bits_to_bytes, strip_parity, text_to_bits
from bit_transformer.codecs import get_codec
from bit_transformer.evaluation import (
    Evaluation,
    ViewScore,
    compressed_score,
    direct_score,
    evaluate,
    mean_score,
    raw_score,
)
from bit_transformer.generation import generate
from bit_transformer.training.session import Session
from bit_transformer.training.snapshots import save_snapshot

__all__ = ["do_what_is_due", "evaluate_now", "save_now"]

EVALUATION_WINDOWS = 32


def do_what_is_due(session: Session) -> None:
    """Evaluate, sample and save, each if its time has come; a new best is saved at once."""
    config, pace, counters = session.config, session.pace, session.state.counters
    is_best = False
    if pace.is_due(config.evaluate_every, counters, counters.evaluated):
        is_best = evaluate_now(session)
    if pace.is_due(config.sample_every, counters, counters.sampled):
        sample_now(session)
    if is_best or pace.is_due(config.checkpoint_every, counters, counters.saved):
        save_now(session)


def evaluate_now(session: Session) -> bool:
    """Write how well the model predicts held-out data; whether it never did so well before."""
    config, counters = session.config, session.state.counters
    counters.evaluated = session.pace.spent(counters)
    counters.evaluated_step = counters.step
    if not len(session.corpus.valid):
        return False
    started = time.perf_counter()
    with _apart(session):
        scores = evaluate(
            session.state.model,
            session.corpus.valid,
            context_bytes=config.window_bytes,
            batch_size=EVALUATION_WINDOWS,
            limit_bytes=min(config.evaluate_bytes, len(session.corpus.valid)),
            precision=session.machine.precision,
            encoding=config.data.encoding,
        )
        views = _held_out_views(session, scores)
    bits_per_byte = scores.bits_per_byte
    if config.direct_prob == 1:  # the model knows frames only, so its code for the data counts
        bits_per_byte = 8 * (views[-1].bits_per_source_bit or 0.0)
    best = counters.best_bits_per_byte
    is_best = best is None or bits_per_byte < best
    if is_best:
        counters.best_step, counters.best_bits_per_byte = counters.step, bits_per_byte
    counters.last_bits_per_byte = bits_per_byte
    row: dict[str, Any] = {
        "kind": "valid",
        "bits_per_bit": scores.bits_per_bit,
        "bits_per_byte": bits_per_byte,
        "bit_accuracy": scores.bit_accuracy,
        "byte_accuracy": scores.byte_accuracy,
        "num_bytes": scores.num_bytes,
        "is_best": is_best,
        "evaluate_s": time.perf_counter() - started,
    }
    if views:
        row["views"] = {score.view: score.figures() for score in views}
    session.recorder.row(row_of(session, row))
    return is_best


def _held_out_views(session: Session, scores: Evaluation) -> list[ViewScore]:
    """The views that the training has, on the bytes that ``scores`` is of.

    With several codecs, each makes frames of its part of them, so that the time does not grow.
    """
    config = session.config
    if not config.has_views:
        return []
    data = session.corpus.valid.bytes[: scores.num_bytes]
    found = [raw_score(scores)]
    if config.compress_prob > 0:
        every = [compressed_score(scores, data, codec) for codec in config.codecs]
        found.append(mean_score(every))
    if config.direct_prob > 0:
        parts = np.array_split(data, min(len(config.codecs), len(data)))
        every = [
            direct_score(
                session.state.model,
                part,
                codec,
                context_bytes=config.window_bytes,
                batch_size=EVALUATION_WINDOWS,
                precision=session.machine.precision,
                encoding=config.data.encoding,
            )
            for part, codec in zip(parts, config.codecs, strict=False)
        ]
        found.append(mean_score(every))
    return found


def sample_now(session: Session) -> None:
    """Write what the model makes of the prompt at this point; the step is the seed.

    Where the training has direct sequences, one more sample is what the model writes in the first
    of its codecs that is complete, decompressed.
    """
    config, counters = session.config, session.state.counters
    counters.sampled = session.pace.spent(counters)
    if config.direct_prob < 1:
        _sample_raw(session)
    codec = next(filter(_is_complete, config.codecs), None) if config.direct_prob else None
    if codec is not None:
        _sample_direct(session, codec)


def _sample_raw(session: Session) -> None:
    config, counters = session.config, session.state.counters
    has_parity = config.data.encoding == "parity"
    prompt = text_to_bits(config.sample_prompt)
    with _apart(session):
        bits = generate(
            session.state.model,
            add_parity(prompt) if has_parity else prompt,
            num_bits=config.sample_bytes * config.data.bits_per_byte,
            seed=counters.step,
        ).cpu()
    data_bits = strip_parity(bits) if has_parity else bits
    text = bits_to_bytes(data_bits).decode("utf-8", errors="replace")
    session.recorder.sample(row_of(session, {"prompt": config.sample_prompt, "text": text}))


def _sample_direct(session: Session, codec: str) -> None:
    config = session.config
    with _apart(session):
        bits = generate(
            session.state.model,
            text_to_bits(config.sample_prompt),
            num_bytes=config.sample_bytes,
            seed=session.state.counters.step,
            codec=codec,
            decompress=True,
        ).cpu()
    text = bits_to_bytes(bits).decode("utf-8", errors="replace")
    sample = {"prompt": config.sample_prompt, "text": text, "view": "direct", "codec": codec}
    session.recorder.sample(row_of(session, sample))


def _is_complete(codec: str) -> bool:
    return codec != "auto" and get_codec(codec).is_complete


def save_now(session: Session) -> None:
    """Save the whole training, and thin out older checkpoints."""
    config, counters = session.config, session.state.counters
    counters.saved = session.pace.spent(counters)
    counters.saved_step = counters.step
    with _apart(session):
        save_snapshot(
            session.run,
            session.state,
            session.processes,
            keep=config.keep_checkpoints,
            metadata={
                "name": config.name,
                "step": counters.step,
                "bytes_seen": counters.bytes_seen,
                "spent_s": counters.spent_s,
                "bits_per_byte": counters.last_bits_per_byte,
                "evaluated_step": counters.evaluated_step,
                "corpus": session.corpus.digest,
                "data": config.data.model_dump(mode="json"),
                **({"codecs": list(config.codecs)} if config.has_views else {}),
            },
        )


def row_of(session: Session, values: dict[str, Any]) -> dict[str, Any]:
    """A row that begins with how far the run is."""
    counters = session.state.counters
    return {
        "step": counters.step,
        "progress": session.pace.spent_share(counters),
        "bytes_seen": counters.bytes_seen,
        "elapsed_s": counters.spent_s,
        "apart_s": counters.apart_s,
        **values,
    }


@contextmanager
def _apart(session: Session) -> Iterator[None]:
    """A block whose time counts apart from the training's, in evaluation mode."""
    started = time.perf_counter()
    session.state.model.eval()
    try:
        yield
    finally:
        session.state.model.train()
        session.state.counters.apart_s += time.perf_counter() - started
