"""The job ``score``: how surprised a model is by each bit of given data."""

import base64
from typing import Any

import numpy as np
import torch

from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker.channel import JobContext
from bit_transformer.dashboard.worker.data import source_packed
from bit_transformer.dashboard.worker.models import load
from bit_transformer.dashboard.worker.surprises import probabilities, rounded, surprises
from bit_transformer.errors import InputError
from bit_transformer.evaluation.predicting import predict_bits
from bit_transformer.telemetry import measure

__all__ = ["score"]


def score(arguments: dict[str, Any], context: JobContext, results: ResultStore) -> dict[str, Any]:
    """The answer to a ``ScoreRequest``.

    Raises:
        InputError: there is no data.
    """
    del results
    max_bytes = arguments["max_bytes"]
    whole = source_packed(arguments["source"], max_bytes + 1)
    if not whole.num_bits:
        raise InputError("there is no data to score; give at least one bit")
    num_bits = min(whole.num_bits, 8 * max_bytes)
    bits = np.unpackbits(whole.data, count=num_bits)
    loaded = load(arguments["run"], arguments["checkpoint"], context)

    def on_progress(done: int, total: int) -> None:
        del done, total
        context.check()

    tensor = torch.from_numpy(bits)
    logits = predict_bits(loaded.model, tensor, loaded.coding, on_progress=on_progress)
    costs = surprises(logits.numpy(), bits)
    measured = measure(tensor, logits=logits)
    data = np.packbits(bits).tobytes()
    per_byte = np.pad(costs, (0, -num_bits % 8)).reshape(-1, 8).sum(axis=1)
    return {
        "num_bits": num_bits,
        "bits_per_bit": float(costs.mean()),
        "bits_per_byte": float(8 * costs.mean()),
        "is_cut": whole.num_bits > num_bits,
        "bytes": base64.b64encode(data).decode(),
        "text": data.decode("utf-8", errors="replace"),
        "bits": "".join(map(str, bits.tolist())),
        "bit_surprise": rounded(costs),
        "byte_surprise": rounded(per_byte),
        "prob_one": rounded(probabilities(logits.numpy())),
        "k": measured.k,
        "c": measured.c,
        "s": measured.s,
    }
