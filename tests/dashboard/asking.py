"""Requests to a dashboard under test, as a program would make them."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

__all__ = ["LIMIT_S", "Client", "run_apart", "wait_for"]

LIMIT_S = 300.0
"""For an answer, or for what a training does first: a busy machine is no failure."""

UPLOADED = {"Content-Type": "application/octet-stream"}


def run_apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, in a thread of its own.

    A browser that another test file left open keeps a loop running in this one.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Connection:
    """Requests as they are, each by a connection of its own, which leaves nothing open."""

    def __init__(self, url: str, **options: Any) -> None:
        self._options = {"base_url": f"{url}/api/v1", "timeout": LIMIT_S, **options}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, read."""
        with httpx.Client(**self._options) as client:
            return client.request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The answer to a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """The answer to a POST."""
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        """The answer to a DELETE."""
        return self.request("DELETE", path, **options)


class Client:
    """The interface of a dashboard at an address."""

    def __init__(self, url: str, **options: Any) -> None:
        self.http = Connection(url, **options)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON of an answer that has the status it should have."""
        return _checked(self.http.get(path, params=query), status)

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        """The same for a JSON body."""
        return _checked(self.http.post(path, json=body), status)

    def error(self, path: str, status: int, **body: Any) -> dict[str, Any]:
        """The error of a refused request, which always has the whole form."""
        error = self.post(path, status, **body)["error"]
        assert {"kind", "what", "where", "fix", "fallbacks"} == set(error)
        assert error["what"]
        assert error["fix"]
        return error

    def upload(self, content: bytes, name: str = "data.bin") -> dict[str, Any]:
        """An upload, made."""
        answer = self.http.post(
            "/uploads", params={"name": name}, content=content, headers=UPLOADED
        )
        return _checked(answer, 201)

    def generate(self, **body: Any) -> list[dict[str, Any]]:
        """All events of a generation but for what it takes to prepare it."""
        answer = self.http.post("/generate", json=body)
        assert answer.status_code == 200, answer.text
        events = [json.loads(line) for line in answer.text.splitlines()]
        return [event for event in events if event["type"] != "preparing"]


def wait_for(condition: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """What a condition gives once it holds."""
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.05)
    return found


def _checked(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    return answer.json() if answer.content else None
