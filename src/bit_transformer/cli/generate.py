"""``bit-transformer generate``: a prompt in, its continuation out, as it comes."""

import argparse
import secrets
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import note
from bit_transformer.errors import InputError
from bit_transformer.recipes import build_config

if TYPE_CHECKING:
    from torch import Tensor

    from bit_transformer.cli.coding import Coding
    from bit_transformer.generation import Gated
    from bit_transformer.model import BitTransformerLM

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer generate runs/NAME --prompt "import " --bytes 400
  bit-transformer generate runs/NAME --prompt "def " --temperature 0.7 --top-p 0.95 --seed 1
  bit-transformer generate runs/NAME --prompt "Once" --stop "\\n" --num-samples 5
  bit-transformer generate runs/NAME --prompt-hex 89504e47 --bytes 1000 -o guess.png
  bit-transformer generate runs/NAME --prompt-bits 0110100 --bits 9 --as bits
  head -c 500 story.txt | bit-transformer generate runs/NAME --prompt-file -
  bit-transformer generate runs/NAME --codec huffman:english --prompt "The " --bytes 400
  bit-transformer generate runs/NAME --codec rle --raw-output -o story.frame
  bit-transformer generate runs/NAME --prompt "def " --gate "s<0.5" --gate "k>0.9"

With --codec the model writes compressed bits, which are decompressed as they come; it should have
been trained on such (direct_prob). With --view direct alone, it also chooses the codec, and a
prompt is the beginning of a frame.

A gate ends an output that strays: K, C and S as 'bit-transformer telemetry' has them, of the
latest 2048 bits. A stopped output is drawn again, then ends with the reason and exit code 1.

A prompt of bits may end anywhere, even inside a byte; one that is longer than the model's context
is read from its latest part. The same seed gives the same output.
"""


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer generate",
        description="Continue a prompt. The continuation goes to stdout as it is made.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("model", metavar="RUN_OR_CHECKPOINT", help="the folder of the model")
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", metavar="TEXT", help="text to continue [nothing]")
    prompt.add_argument("--prompt-hex", metavar="HEX", help="bytes to continue, in hexadecimal")
    prompt.add_argument("--prompt-bits", metavar="BITS", help="bits to continue, as 0s and 1s")
    prompt.add_argument("--prompt-file", metavar="PATH", help="a file to continue; - for stdin")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--bytes", type=int, metavar="N", help="bytes to add [256]")
    length.add_argument("--bits", type=int, metavar="N", help="bits to add")
    parser.add_argument(
        "--temperature", type=float, default=1.0, metavar="T", help="0: always the likeliest [1]"
    )
    parser.add_argument("--top-k", type=int, metavar="K", help="only the K likeliest values")
    parser.add_argument(
        "--top-p", type=float, metavar="P", help="only the likeliest values that reach P together"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the random numbers [a new one]")
    parser.add_argument("--stop", action="append", metavar="TEXT", help="end behind this text")
    parser.add_argument("--num-samples", type=int, default=1, metavar="N", help="how many [1]")
    _add_compression(parser)
    parser.add_argument("--gate", action="append", metavar="GATE", help="such as s<0.5, warn:k>0.9")
    parser.add_argument(
        "--attempts", type=int, default=3, metavar="N", help="tries to pass the gates [3]"
    )
    parser.add_argument(
        "--as", dest="form", choices=("text", "hex", "bits"), help="[text; bits with --raw-output]"
    )
    parser.add_argument("--echo", action="store_true", help="begin with the prompt")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="raw bytes into a file instead"
    )
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:1, ... [cpu]")
    parser.add_argument(
        "--best", action="store_true", help="a run's best checkpoint instead of its newest"
    )
    return parser


def _add_compression(parser: Parser) -> None:
    parser.add_argument(
        "--view",
        choices=("raw", "compressed", "direct"),
        help="how the model reads bits: as data, or direct, as compressed ones [raw]",
    )
    parser.add_argument(
        "--codec", metavar="CODEC", help="write in this codec; implies --view direct"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--decompress", action="store_true", help="give the data in what is written [with direct]"
    )
    output.add_argument(
        "--raw-output", action="store_true", help="give the compressed bits themselves"
    )
    parser.add_argument(
        "--lenient", action="store_true", help="keep the valid part of damaged output"
    )


@dataclass(frozen=True)
class _Plan:
    """What the options mean together.

    Args:
        prompt: what the model is given.
        shown: the data before the output, in which a first character may have begun.
        coding: how the output is to be read.
        options: for ``stream`` and ``generate_gated``.
    """

    prompt: "Tensor"
    shown: "Tensor"
    coding: "Coding"
    form: str
    options: dict[str, Any]


def run(arguments: argparse.Namespace) -> int:
    """Generate, and print or write."""
    if arguments.num_samples < 1:
        raise InputError(f"--num-samples must be at least 1, got {arguments.num_samples}")
    data_bits = _read_prompt(arguments)

    from bit_transformer.checkpoint import load_metadata, load_model, resolve_checkpoint
    from bit_transformer.cli.coding import Coding
    from bit_transformer.training.machine import choose_machine

    machine = choose_machine(build_config("default", {"device": arguments.device}))
    folder = resolve_checkpoint(arguments.model, prefer="best" if arguments.best else "newest")
    model = load_model(folder, device=machine.device)
    plan = _plan(arguments, data_bits, Coding.of(load_metadata(folder)))
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        code = _generate(arguments, model, plan, seed)
    for warning in caught:
        note(str(warning.message))
    if arguments.seed is None and arguments.temperature > 0:
        note(f"seed {seed}")
    return code


def _plan(arguments: argparse.Namespace, data_bits: "Tensor", coding: "Coding") -> _Plan:
    import torch

    from bit_transformer.cli.coding import Coding
    from bit_transformer.generation import model_output_decompress

    is_direct = arguments.view == "direct" or (arguments.view is None and bool(arguments.codec))
    if (arguments.raw_output or arguments.decompress) and not is_direct:
        raise InputError("--raw-output and --decompress need --codec or --view direct")
    if arguments.raw_output and arguments.stop:
        raise InputError("--stop looks for text, and with --raw-output there is none; drop one")
    is_free = is_direct and arguments.codec is None
    if is_free and arguments.prompt is not None:
        raise InputError(
            "with --view direct a prompt is the beginning of a frame; name the --codec to write "
            "text in, or give --prompt-bits, --prompt-hex or --prompt-file"
        )
    plain = Coding(has_parity=False)
    prompt = data_bits if is_free else coding.encode(data_bits, "the prompt")
    shown = data_bits
    if is_free and not arguments.raw_output:
        shown = coding.decode(model_output_decompress(prompt, strict=False).bits)
    elif arguments.codec and arguments.raw_output:  # the frame holds the prompt
        shown = torch.empty(0, dtype=torch.uint8)
    options = {
        "num_bits": _length(arguments, plain if is_free and arguments.raw_output else coding),
        "temperature": arguments.temperature,
        "top_k": arguments.top_k,
        "top_p": arguments.top_p,
        "stop": [coding.stop(_unescape(text)) for text in arguments.stop or ()],
        "view": arguments.view,
        "codec": arguments.codec,
        "decompress": is_direct and not arguments.raw_output,
        "strict": not arguments.lenient,
    }
    form = arguments.form or ("bits" if arguments.raw_output else "text")
    return _Plan(prompt, shown, plain if arguments.raw_output else coding, form, options)


def _generate(
    arguments: argparse.Namespace, model: "BitTransformerLM", plan: _Plan, seed: int
) -> int:
    """The exit code after all samples are made and put out."""
    from bit_transformer.generation import generate_gated, stream

    gated: list[Gated] = []
    if arguments.gate:
        gated = [
            generate_gated(
                model,
                plan.prompt,
                gates=arguments.gate,
                max_attempts=arguments.attempts,
                seed=seed + sample * arguments.attempts,
                **plan.options,
            )
            for sample in range(arguments.num_samples)
        ]
        pieces = iter([[one.bits for one in gated]])
    else:
        prompts = [plan.prompt] * arguments.num_samples
        pieces = stream(model, prompts, seed=seed, **plan.options)
    if arguments.out is not None:
        _write(arguments, plan, pieces)
    else:
        _print(arguments, plan, pieces)
    for number, one in enumerate(gated, start=1):
        if one.verdict.action != "pass":
            which = f"sample {number}: " if len(gated) > 1 else ""
            note(f"{which}{one.verdict}; after {len(one.bits)} bits, attempt {one.num_attempts}")
    return int(any(one.is_stopped for one in gated))


def _read_prompt(arguments: argparse.Namespace) -> "Tensor":
    from bit_transformer.bits import bytes_to_bits, read_bits, text_to_bits

    if arguments.prompt_hex is not None:
        try:
            return bytes_to_bits(bytes.fromhex(arguments.prompt_hex))
        except ValueError as error:
            raise InputError(f"--prompt-hex is not hexadecimal bytes: {error}") from error
    if arguments.prompt_bits is not None:
        return _parse_bits(arguments.prompt_bits)
    if arguments.prompt_file == "-":
        return bytes_to_bits(sys.stdin.buffer.read())
    if arguments.prompt_file is not None:
        return read_bits(arguments.prompt_file)
    return text_to_bits(arguments.prompt or "")


def _parse_bits(text: str) -> "Tensor":
    import torch

    digits = "".join(text.split())
    for position, digit in enumerate(digits):
        if digit not in "01":
            raise InputError(
                f"--prompt-bits takes zeros and ones, and position {position} is {digit!r}"
            )
    return torch.tensor([int(digit) for digit in digits], dtype=torch.uint8)


def _length(arguments: argparse.Namespace, coding: "Coding") -> int:
    if arguments.bits is None:
        return coding.num_bits(256 if arguments.bytes is None else arguments.bytes)
    if coding.has_parity:
        raise InputError("this model was trained on bytes with parity; give --bytes, not --bits")
    if arguments.bits < 0:
        raise InputError(f"--bits must be at least 0, got {arguments.bits}")
    return arguments.bits


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t")


def _print(arguments: argparse.Namespace, plan: _Plan, pieces: "Iterator[list[Tensor]]") -> None:
    """One sample as it comes; several when they are complete, each under a heading."""
    from bit_transformer.cli.coding import Printer

    printers = [Printer(plan.form, plan.coding, plan.shown) for _ in range(arguments.num_samples)]
    echoes = [printer.echo() if arguments.echo else "" for printer in printers]
    if len(printers) == 1:
        _show(echoes[0])
        for piece in pieces:
            _show(printers[0].feed(piece[0]))
        _show(printers[0].finish() + "\n")
        return
    for gains in pieces:
        for printer, gain in zip(printers, gains, strict=True):
            printer.feed(gain)
    for number, printer in enumerate(printers, start=1):
        printer.finish()
        _show(f"--- {number} of {len(printers)} ---\n{printer.text}\n")


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _write(arguments: argparse.Namespace, plan: _Plan, pieces: "Iterator[list[Tensor]]") -> None:
    """One file a sample; several get numbers behind their stem."""
    import torch

    from bit_transformer.bits import write_bits

    samples = [list(gains) for gains in zip(*pieces, strict=True)]
    samples = samples or [[] for _ in range(arguments.num_samples)]
    for number, gains in enumerate(samples, start=1):
        path: Path = arguments.out
        if len(samples) > 1:
            path = path.with_name(f"{path.stem}-{number}{path.suffix}")
        bits = plan.coding.decode(torch.cat([torch.empty(0, dtype=torch.uint8), *gains]))
        whole = torch.cat([plan.shown, bits]) if arguments.echo else bits
        write_bits(path, whole, pad=arguments.raw_output)
        note(f"{path}: {-(-len(bits) // 8):,} bytes")
