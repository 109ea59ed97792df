"""The entry: finds the verb, runs it, and turns every ending into an exit code.

0    done
1    it failed, for a reason that the last lines on stderr give
2    the arguments or the settings are wrong
130  interrupted from the keyboard
141  nobody reads the output any more
"""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from bit_transformer.cli.parser import Parser
from bit_transformer.errors import BitTransformerError, ConfigError, InputError

__all__ = ["VERBS", "main"]

VERBS = {
    "demo": "train a small model for two minutes and see what it has learned",
    "train": "train a model on your files, or resume a run",
    "evaluate": "measure a model in bits per byte, beside gzip, bzip2, xz and zstd",
    "generate": "continue a prompt of text or bits",
    "info": "describe a checkpoint, a run, a corpus, or this installation",
    "codec": "compress files without a model, and compare the codecs",
    "data": "build a corpus from files and inspect it",
    "compress": "compress files and folders into archives, with a model's predictions",
    "decompress": "unpack archives",
    "test": "check that archives would come back as they were",
    "list": "show what archives hold",
    "telemetry": "see how random, how complex and how expected each part of a file is",
    "dashboard": "watch and start trainings in a browser, try prompts, compare codecs",
}

_EXAMPLES = """\
examples:
  bit-transformer demo                                   begin here
  bit-transformer train ~/texts --budget 10min           learn from your own files
  bit-transformer evaluate runs/NAME                     how good is it, on held-out bytes
  bit-transformer generate runs/NAME --prompt "def "     let it write

Each verb teaches more: bit-transformer VERB --help
"""

_TRACEBACK_VARIABLE = "BIT_TRANSFORMER_TRACEBACK"


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code after running the command with these arguments, or those of the process."""
    # Threads that spin while they wait cost a busy machine most of its speed; read by OpenMP when
    # PyTorch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = arguments[0] if arguments and arguments[0] in VERBS else None
    try:
        code = _run(verb, arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The interpreter flushes stdout once more when it exits; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get(_TRACEBACK_VARIABLE):
            raise
        return _report(verb, error)


def build_parser() -> Parser:
    """The parser of the command itself, which knows the verbs by name only."""
    parser = Parser(
        prog="bit-transformer",
        description="A transformer language model whose alphabet is the bit.",
        epilog=_EXAMPLES,
        usage="bit-transformer [--version] VERB ...",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_argument_group("verbs")
    for name, purpose in VERBS.items():
        verbs.add_argument(name, nargs="?", help=purpose)
    return parser


def _run(verb: str | None, arguments: list[str]) -> int:
    if verb is not None:
        module = import_module(f"bit_transformer.cli.{verb}")
        return module.run(module.build_parser().parse_args(arguments[1:]))
    if arguments and not arguments[0].startswith("-"):
        near = get_close_matches(arguments[0], VERBS, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"there is no verb {arguments[0]!r}; {guess}Verbs: {', '.join(VERBS)}")
    parser = build_parser()
    if arguments:
        parser.parse_args(arguments)
    parser.print_help()
    return 0


def _report(verb: str | None, error: Exception) -> int:
    name = f"bit-transformer {verb}" if verb else "bit-transformer"
    is_usage = isinstance(error, InputError | ConfigError)
    if isinstance(error, BitTransformerError):
        text = str(error)
    elif isinstance(error, OSError):
        text = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    else:
        text = (
            f"this is a fault of the program: {type(error).__name__}: {error}\n"
            f"set {_TRACEBACK_VARIABLE}=1 to see where it happened"
        )
    print(f"{name}: error: {text}", file=sys.stderr)
    return 2 if is_usage else 1


def _version() -> str:
    try:
        return version("bit-transformer")
    except PackageNotFoundError:
        return "not installed"
