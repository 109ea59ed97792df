"""What K, C and S say of kinds of data, and how well they find blocks that do not belong.

    python benchmarks/telemetry_table.py --data PATH ... [--english FILE] [--seeds 0 1 2]
    python benchmarks/telemetry_table.py --data PATH ... --model RUN --home FILE

Three tables; the last line is JSON.

*Kinds*: blocks of zeros, 0101…, random bytes, English, English with its bytes shuffled, compressed
(zstd), encrypted, and with 1 % of its bits flipped. K and C of the block alone; S with the block
set into English, by what the rest of it leads one to expect. Mean and range over blocks.

*Blocks inside files*: in each file, a tenth of the blocks are replaced by encrypted ones, or by
blocks of other files (so no two should be of one kind). Every block then gets a score that knows
nothing of the replacement, and the table has the area under the ROC curve: the chance that a
replaced block scores above another.
Once over all blocks of all files, once as the mean over files, with the files that are worst. For
the scores 1 - K, C and 1 - S by the rest of the file; ``L - C`` is the block's cross-entropy by
the rest of the file less its own complexity: how much worse the rest explains a block than the
block explains itself.

*A model's S*: blocks of a file that the model is at home in against blocks of the other files and
encrypted ones. Each block is read alone, so the model has no context before it.

Encrypted means the block of the file, xored with a SHAKE-256 stream.
"""

import argparse
import hashlib
import json
import os
import pydoc_data.topics
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from backports import zstd
from torch import Tensor

from bit_transformer.telemetry import (
    cross_entropy,
    lz_complexity,
    model_negentropy,
    negentropy,
    rest_logits,
    symbiosis,
)

HOST_BYTES = 1 << 17
Blocks = np.ndarray
Scores = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description="What K, C and S say of kinds of data.")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="ordinary files, or folders of them"
    )
    parser.add_argument("--english", type=Path, help="[the help topics of Python]")
    parser.add_argument("--model", help="a run or a checkpoint")
    parser.add_argument("--home", type=Path, help="a file of the kind that the model has learned")
    parser.add_argument("--block", type=int, default=4096, help="bytes [4096]")
    parser.add_argument("--most-blocks", type=int, default=120, help="of a file [120]")
    parser.add_argument("--kind-blocks", type=int, default=4, help="of each kind [4]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if (arguments.model is None) != (arguments.home is None):
        parser.error("--model and --home belong together")

    english = read_english(arguments.english)
    files = read_files(arguments)
    report: dict[str, object] = {
        "kinds": kinds_table(english, arguments),
        "inside_files": [
            inside_table(files, intruder, arguments) for intruder in ("encrypted", "foreign")
        ],
    }
    if arguments.model is not None:
        report["model"] = model_table(files, arguments)
    settings = {name: str(value) for name, value in vars(arguments).items() if name != "data"}
    print(json.dumps({"benchmark": "telemetry_table", **settings, "results": report}))


def read_english(path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes()
    return "\n".join(pydoc_data.topics.topics.values()).encode()


def read_files(arguments: argparse.Namespace) -> dict[str, Blocks]:
    """The blocks, (N, bytes), of each file with ten blocks or more, the first ones."""
    files = {}
    named = {str(path) for path in arguments.data if path.is_file()}
    inside = {str(path) for root in arguments.data for path in root.rglob("*") if path.is_file()}
    for path in map(Path, sorted(named | inside)):
        if path.stat().st_size >= 10 * arguments.block:
            with path.open("rb") as file:
                content = file.read(arguments.block * arguments.most_blocks)
            files[str(path)] = blocks_of(content, arguments)
    return files


def blocks_of(content: bytes, arguments: argparse.Namespace) -> Blocks:
    num_blocks = min(len(content) // arguments.block, arguments.most_blocks)
    whole = np.frombuffer(content, np.uint8, num_blocks * arguments.block)
    return whole.reshape(num_blocks, arguments.block)


def encrypt(content: bytes, key: str) -> bytes:
    """The content xored with a stream that nobody tells from random without the key."""
    stream = hashlib.shake_256(key.encode()).digest(len(content))
    return bytes(a ^ b for a, b in zip(content, stream, strict=True))


def bits_of(blocks: Blocks) -> Tensor:
    return torch.from_numpy(np.unpackbits(blocks, axis=-1))


def kinds_table(english: bytes, arguments: argparse.Namespace) -> list[dict[str, object]]:
    print(f"\n{'kind':<22}{'K':>22}{'C':>22}{'S in English':>22}")
    rows = []
    for name, content in kinds(english, arguments).items():
        blocks = blocks_of(content, arguments)[: arguments.kind_blocks]
        bits = bits_of(blocks)
        values = {"k": negentropy(bits), "c": lz_complexity(bits)}
        values["s"] = torch.stack([s_inside(english, block) for block in blocks])
        print(f"{name:<22}" + "".join(f"{spread(value):>22}" for value in values.values()))
        rows.append({"kind": name, **{key: value.tolist() for key, value in values.items()}})
    return rows


def kinds(english: bytes, arguments: argparse.Namespace) -> dict[str, bytes]:
    """Some blocks of each kind. English comes from after the part that they are set into."""
    rng = np.random.default_rng(0)
    size = arguments.block * arguments.kind_blocks
    text = english[HOST_BYTES : HOST_BYTES + size]
    flips = np.packbits(rng.random(8 * len(text)) < 0.01)
    return {
        "zeros": bytes(size),
        "0101…": b"\x55" * size,
        "random": rng.bytes(size),
        "English": text,
        "English, shuffled": rng.permutation(np.frombuffer(text, np.uint8)).tobytes(),
        "English, compressed": zstd.compress(english[HOST_BYTES:], 19)[16 : 16 + size],
        "English, encrypted": encrypt(text, "table"),
        "English, 1 % flipped": (np.frombuffer(text, np.uint8) ^ flips).tobytes(),
    }


def s_inside(english: bytes, block: np.ndarray) -> Tensor:
    """S of a block in the middle of English, by the rest of it."""
    host = np.frombuffer(english[:HOST_BYTES], np.uint8)
    middle = len(host) // 2 // len(block) * len(block)
    mixed = host.copy()
    mixed[middle : middle + len(block)] = block
    bits, window = bits_of(mixed), 8 * len(block)
    logits = rest_logits(bits, window=window)
    part = slice(8 * middle, 8 * middle + window)
    return symbiosis(logits[part], bits[part])


def spread(values: Tensor) -> str:
    return f"{values.mean():.3f} ({values.min():.3f}-{values.max():.3f})"


def inside_table(
    files: dict[str, Blocks], intruder: str, arguments: argparse.Namespace
) -> dict[str, object]:
    print(f"\n{intruder} blocks inside files: area under the ROC curve")
    print(f"{'score':<8}{'all blocks':>26}{'mean of files':>16}  worst files")
    pooled: dict[str, list[float]] = {}
    by_file: dict[str, dict[str, list[float]]] = {}
    for seed in arguments.seeds:
        rng = np.random.default_rng(seed)
        parts = []
        for name in files:
            blocks, is_replaced = replace_blocks(files, name, intruder, rng)
            parts.append((score_blocks(blocks), is_replaced))
            for score, values in parts[-1][0].items():
                area = area_under_curve(values, is_replaced)
                by_file.setdefault(score, {}).setdefault(name, []).append(area)
        everything = np.concatenate([is_replaced for _, is_replaced in parts])
        for score in parts[0][0]:
            values = np.concatenate([scores[score] for scores, _ in parts])
            pooled.setdefault(score, []).append(area_under_curve(values, everything))
    for score, areas in pooled.items():
        means = {name: float(np.mean(values)) for name, values in by_file[score].items()}
        worst = sorted(means.items(), key=lambda item: item[1])[:3]
        print(
            f"{score:<8}{spread(torch.tensor(areas)):>26}{np.mean(list(means.values())):>16.3f}  "
            + ", ".join(f"{Path(name).name} {mean:.2f}" for name, mean in worst)
        )
    return {"intruder": intruder, "pooled": pooled, "by_file": by_file}


def replace_blocks(
    files: dict[str, Blocks], name: str, intruder: str, rng: np.random.Generator
) -> tuple[Blocks, np.ndarray]:
    """The file's blocks, a tenth of them replaced, and which ones."""
    blocks = files[name].copy()
    is_replaced = np.zeros(len(blocks), dtype=bool)
    for number in rng.choice(len(blocks), max(1, len(blocks) // 10), replace=False):
        is_replaced[number] = True
        if intruder == "encrypted":
            secret = encrypt(blocks[number].tobytes(), f"{name} {number} {rng.integers(1 << 30)}")
            blocks[number] = np.frombuffer(secret, np.uint8)
        else:
            others = [other for other in files if other != name]
            source = files[others[rng.integers(len(others))]]
            blocks[number] = source[rng.integers(len(source))]
    return blocks, is_replaced


def score_blocks(blocks: Blocks) -> Scores:
    """Scores of every block, high for one that does not belong."""
    rows = bits_of(blocks)
    window = rows.shape[1]
    flat = rows.flatten()
    logits = rest_logits(flat, window=window)
    complexity = lz_complexity(rows)
    surprise = cross_entropy(logits, flat).view(len(rows), window).mean(-1, dtype=torch.float64)
    scores = {
        "1 - K": 1 - negentropy(rows),
        "C": complexity,
        "1 - S": 1 - symbiosis(logits, flat, window=window),
        "L - C": surprise - complexity,
    }
    return {name: values.numpy() for name, values in scores.items()}


def area_under_curve(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    del values
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    num_positive = int(is_positive.sum())
    above = ranks[is_positive].sum() - num_positive * (num_positive + 1) / 2
    return float(above / (num_positive * (len(scores) - num_positive)))


def model_table(files: dict[str, Blocks], arguments: argparse.Namespace) -> dict[str, object]:
    from bit_transformer.checkpoint import load_metadata, load_model
    from bit_transformer.cli.coding import Coding
    from bit_transformer.cli.predicting import predict_bits

    model, coding = load_model(arguments.model), Coding.of(load_metadata(arguments.model))
    rng = np.random.default_rng(0)
    at_home = blocks_of(arguments.home.read_bytes(), arguments)[: arguments.most_blocks]
    home = arguments.home.resolve()
    others = [name for name in files if Path(name).resolve() != home]
    secret = encrypt(at_home.tobytes(), "model")
    groups = {"home": at_home, "encrypted": blocks_of(secret, arguments)}
    for name in others:
        groups[name] = files[name][rng.permutation(len(files[name]))[:20]]
    values: dict[str, np.ndarray] = {}
    print(f"\nS by {arguments.model}\n{'blocks of':<40}{'S':>22}{'K expected':>22}{'AUROC':>8}")
    report = {}
    for name, blocks in groups.items():
        rows = bits_of(blocks)
        logits = torch.stack([predict_bits(model, row, coding, is_quiet=True) for row in rows])
        s, k = symbiosis(logits, rows), model_negentropy(logits)
        values[name] = 1 - s.numpy()
        area = versus(values["home"], values[name]) if name != "home" else float("nan")
        print(f"{Path(name).name:<40}{spread(s):>22}{spread(k):>22}{area:>8.3f}")
        report[name] = {"s": s.tolist(), "model_k": k.tolist()}
    foreign = np.concatenate([values[name] for name in others])
    report["auroc_foreign"] = versus(values["home"], foreign)
    report["auroc_encrypted"] = versus(values["home"], values["encrypted"])
    print(f"all foreign blocks against home: {report['auroc_foreign']:.4f}")
    return report


def versus(negative: np.ndarray, positive: np.ndarray) -> float:
    is_positive = np.arange(len(negative) + len(positive)) >= len(negative)
    return area_under_curve(np.concatenate([negative, positive]), is_positive)


if __name__ == "__main__":
    main()
