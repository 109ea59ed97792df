"""The verb ``dashboard``: what its options mean, and the command itself as people start it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bit_transformer.cli.dashboard import build_parser, configuration
from bit_transformer.errors import ConfigError, InputError


def settings(*arguments: str):
    return configuration(build_parser().parse_args(list(arguments)))


def test_options_become_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BIT_TRANSFORMER_TOKEN", raising=False)
    plain = settings()
    assert (plain.host, plain.port, plain.token, plain.roots) == ("127.0.0.1", 8321, None, ())
    assert plain.runs == Path("runs")
    other = settings(
        "--port", "9000", "--runs", str(tmp_path), "--root", str(tmp_path), "--root", "/",
        "--max-upload", "1.5GB", "--token", "twelve or more",
    )  # fmt: skip
    assert other.roots == (tmp_path, Path("/"))
    assert other.max_upload_bytes == 1_500_000_000
    monkeypatch.setenv("BIT_TRANSFORMER_TOKEN", "from the environment")
    assert settings("--host", "0.0.0.0").token == "from the environment"


@pytest.mark.parametrize("size", ["", "much", "5XB", "-1MB", "1e400GB"])
def test_sizes_that_are_none_are_refused(size: str):
    with pytest.raises((InputError, ConfigError)):
        settings(f"--max-upload={size}")


def test_other_machines_are_let_in_only_with_a_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BIT_TRANSFORMER_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="set a token"):
        settings("--host", "0.0.0.0")


def test_a_port_that_is_taken_is_said_so(call):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = call("dashboard", "--port", port, "--no-browser")
    assert code == 1
    assert "cannot listen on 127.0.0.1" in err
    assert "--port" in err


def test_the_command_serves_the_page_and_ends_with_the_first_interrupt(tmp_path: Path):
    command = [
        sys.executable, "-m", "bit_transformer", "dashboard", "--port", "0", "--no-browser",
        "--runs", str(tmp_path / "runs"),
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().removeprefix("dashboard: ").strip()
        assert url.startswith("http://127.0.0.1:")
        status = httpx.get(f"{url}api/v1/status", timeout=100).json()  # at once
        assert status["is_signed_in"]
        page = httpx.get(url)
        assert page.status_code == 200
        assert "<!doctype html" in page.text.lower()
        if Path(f"/proc/{server.pid}/maps").exists():
            maps = Path(f"/proc/{server.pid}/maps").read_text()
            assert "libtorch" not in maps  # what needs PyTorch runs beside the server
    finally:
        os.kill(server.pid, signal.SIGINT)
        _, err = server.communicate(timeout=60)
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()  # looking changes nothing
