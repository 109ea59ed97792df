"""What holds for every test: no network, one thread, and hypothesis without deadlines.

One thread, because two OpenMP threads that wait for each other on a busy machine are slower than
one. No network, because nothing in the package may need it.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["BIT_TRANSFORMER_CACHE"] = "off"

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")


def pytest_configure() -> None:
    """Keep PyTorch to the one thread that the environment asks for, also between operators."""
    import torch

    torch.set_num_threads(1)


def _is_on_this_machine(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == socket.gethostname()


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if not _is_on_this_machine(address):
            raise AssertionError(f"a test tried to reach {address}; tests run offline")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
