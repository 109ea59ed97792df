"""Machine code that is older than its source, and must not predict.

numba keeps the machine code of a function until the file of that function changes. A function that
it calls is part of that code, but may stand in another file: after that one alone has changed, the
old code goes on running, and gives the integers of yesterday. Archives made so would decode nowhere
else, so all code of a folder is made anew once any of its files is younger.
"""

from contextlib import suppress
from pathlib import Path

__all__ = ["forget_stale_code"]


def forget_stale_code(folder: Path, *called: Path) -> None:
    """Remove numba's indexes of the modules in ``folder`` that are older than any of them.

    Or than any module of the folders that are ``called`` from there.

    Where the folder cannot be written, numba keeps its files elsewhere, and an installation gives
    every module a new time.
    """
    sources = [source for one in (folder, *called) for source in one.glob("*.py")]
    newest_s = max(source.stat().st_mtime for source in sources)
    for index in (folder / "__pycache__").glob("*.nbi"):
        with suppress(OSError):  # another process may have removed it just now
            if index.stat().st_mtime < newest_s:
                index.unlink()
