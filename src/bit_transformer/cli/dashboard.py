"""``bit-transformer dashboard``: a web page on this machine, and the interface under it."""

import argparse
import os
import socket
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from bit_transformer.cli.parser import Parser
from bit_transformer.dashboard.config import DashboardConfig, is_loopback
from bit_transformer.errors import DashboardError, InputError, MissingDependencyError

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["build_parser", "run"]

TOKEN_VARIABLE = "BIT_TRANSFORMER_TOKEN"

_EXAMPLES = """\
examples:
  bit-transformer dashboard
  bit-transformer dashboard --port 9000 --runs ~/runs --no-browser
  bit-transformer dashboard --root ~/texts --root ~/code      read training data from there
  BIT_TRANSFORMER_TOKEN=... bit-transformer dashboard --host 0.0.0.0
  curl http://127.0.0.1:8321/api/v1/runs

The page and everything it does, as JSON: http://127.0.0.1:8321/api/docs

Trainings that are started here go on when the dashboard ends, and trainings of the command line
appear here. Only this machine is let in, unless a token is set; --root lets files be read, and
without it there are only uploads. The token may also be the variable BIT_TRANSFORMER_TOKEN, where
other users of the machine cannot see it.
"""

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_MOST_CONNECTIONS = 512


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer dashboard",
        description="Watch and start trainings, try prompts and compare codecs in a browser.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("--port", type=int, default=8321, metavar="N", help="0: a free one [8321]")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="[127.0.0.1]")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are [runs]"
    )
    parser.add_argument(
        "--root",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder whose files may be read; several times for several [none]",
    )
    parser.add_argument("--token", metavar="TEXT", help="what every request must know [none]")
    parser.add_argument(
        "--max-upload", default="256MB", metavar="SIZE", help="of one upload, such as 1GB [256MB]"
    )
    parser.add_argument(
        "--tools", action="store_true", help="serve language-model agents too, at /mcp"
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    config = configuration(arguments)
    app = _application(config, has_tools=arguments.tools)
    listening = _listen(config)
    host, port = listening.getsockname()[:2]
    url = f"http://{_shown_host(config.host, host)}:{port}/"
    link = url if config.token is None else f"{url}?token={config.token}"
    print(f"dashboard: {link}", flush=True)
    print("Ctrl-C ends it; trainings go on", file=sys.stderr)
    if not arguments.no_browser:
        threading.Timer(0.5, webbrowser.open, [link]).start()
    _serve(app, listening)
    return 0


def configuration(arguments: argparse.Namespace) -> DashboardConfig:
    """What the options say, checked."""
    return DashboardConfig(
        host=arguments.host,
        port=arguments.port,
        runs=arguments.runs.expanduser(),
        roots=tuple(root.expanduser() for root in arguments.root),
        token=arguments.token or os.environ.get(TOKEN_VARIABLE) or None,
        max_upload_bytes=_num_bytes(arguments.max_upload),
    )


def _application(config: DashboardConfig, *, has_tools: bool) -> "FastAPI":
    try:
        from bit_transformer.dashboard.app import create_app
    except ModuleNotFoundError as error:
        package = (error.name or "fastapi").partition(".")[0]
        if package == "bit_transformer":
            raise
        raise MissingDependencyError(package, "dashboard", "the dashboard") from error
    return create_app(config, has_tools=has_tools)


def _listen(config: DashboardConfig) -> socket.socket:
    """A socket that listens, so that a taken port is known before anything else happens."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host.strip("[]"), config.port))
        listening.listen(_MOST_CONNECTIONS)  # so that whoever reads the address can connect
    except OSError as error:
        listening.close()
        raise DashboardError(
            f"cannot listen on {config.host} port {config.port}: {error.strerror or error}; "
            "is a dashboard running already? Choose another --port, or 0 for any"
        ) from error
    return listening


def _serve(app: "FastAPI", listening: socket.socket) -> None:
    import uvicorn

    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        proxy_headers=False,
    )
    uvicorn.Server(settings).run(sockets=[listening])


def _shown_host(asked: str, bound: str) -> str:
    """An address that a browser of this machine can open."""
    if is_loopback(asked):
        return f"[{bound}]" if ":" in bound else bound
    return "127.0.0.1" if asked in ("0.0.0.0", "::") else asked


def _num_bytes(text: str) -> int:
    number = text.strip().upper()
    unit = number.lstrip("0123456789.")
    try:
        return int(float(number.removesuffix(unit)) * _UNITS[unit.strip()])
    except (ValueError, KeyError, OverflowError) as error:
        raise InputError(f"--max-upload {text!r} is no size; write it like 500MB or 1GB") from error
