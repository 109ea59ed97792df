"""An argument parser that raises instead of exiting, and says what was probably meant.

Options are found under both spellings, ``--top-k`` and ``--top_k``: settings carry the names they
have in Python and in TOML, other options follow the shell's habit, and nobody should have to
remember which is which.
"""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from bit_transformer.errors import InputError

__all__ = ["Parser"]


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"max_help_position": 30, "width": 98, **options})


class Parser(argparse.ArgumentParser):
    """``argparse`` without abbreviations, with clear errors and examples kept as they are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"formatter_class": _Formatter, "allow_abbrev": False, "add_help": False, **options}
        )
        self.add_argument("-h", "--help", action="help", help="show this help and exit")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """The arguments; unknown ones raise InputError."""
        given = [] if args is None else list(args)
        known = namespace or argparse.Namespace()
        _, unknown = self.parse_known_intermixed_args(self._respell(given), known)
        if unknown:
            raise InputError(self._explain_unknown(unknown[0]))
        return known

    def error(self, message: str) -> NoReturn:
        """Raise InputError; the caller decides how to end."""
        raise InputError(f"{message}\nsee: {self.prog} --help")

    def _respell(self, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        return [self._known_spelling(arg) for arg in args[:end]] + args[end:]

    def _known_spelling(self, arg: str) -> str:
        name, equals, value = arg.partition("=")
        if not name.startswith("--") or name in self._option_string_actions:
            return arg
        for spelling in (name[2:].replace("-", "_"), name[2:].replace("_", "-")):
            if f"--{spelling}" in self._option_string_actions:
                return f"--{spelling}{equals}{value}"
        return arg

    def _explain_unknown(self, arg: str) -> str:
        name = arg.partition("=")[0]
        if not name.startswith("-"):
            return f"there is no place for the argument {arg!r}\nsee: {self.prog} --help"
        near = get_close_matches(name, self._option_string_actions, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        return f"there is no option {name}{guess}\nsee: {self.prog} --help"
