"""Names that people give: kept to be shown, made harmless, and never used as paths.

Whatever is kept on disk is found by a random id instead.
"""

import re
import secrets
import unicodedata

from bit_transformer.errors import DashboardError

__all__ = ["check_id", "new_id", "shown_name"]

_ID = re.compile(r"[0-9a-f]{32}")
_MOST_CHARACTERS = 128


def new_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(16)


def check_id(value: str, what: str) -> str:
    """The id, if it has the form of one.

    Raises:
        DashboardError: it does not, so there can be nothing of that id.
    """
    if _ID.fullmatch(value) is None:
        raise no_such(value, what)
    return value


def no_such(value: str, what: str) -> DashboardError:
    """The error for an id of nothing."""
    return DashboardError(
        f"there is no {what} {value[:64]!r} any more; make it again",
        status=404,
        kind="NotFoundError",
        fallbacks=("reload",),
    )


def shown_name(name: str) -> str:
    r"""A file name as it may be shown and suggested for saving.

    Example:
        >>> shown_name("../../etc/pass\nwd"), shown_name("...")
        ('pass_wd', 'unnamed')
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", errors="replace").decode())
    name = re.split(r"[/\\]", name)[-1]
    kept = "".join(
        letter if unicodedata.category(letter)[0] not in "CZ" or letter == " " else "_"
        for letter in name
    )
    kept = re.sub(r'[<>:"|?*;]', "_", kept).strip(". ")
    return kept[:_MOST_CHARACTERS] or "unnamed"
