"""The server itself: what it can do, and signing in."""

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import APIRouter, Request, Response

from bit_transformer.codecs.registry import codec_names, get_codec
from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.schemas.server import CodecEntry, Limits, StatusAnswer, TokenRequest
from bit_transformer.dashboard.services import ERRORS, Shared
from bit_transformer.errors import InputError, MissingDependencyError

__all__ = ["router"]

router = APIRouter(tags=["server"], responses=ERRORS)

_WITH_TABLES = ("huffman:english",)
_INSTALL = "pip install 'bit-transformer[codecs]'"


@router.get("/status")
def status(request: Request, shared: Shared) -> StatusAnswer:
    """What this server is, may read, takes and can do. Open to all; strangers are told less."""
    config = shared.config
    is_signed_in = shared.sign_in.knows(dict(request.headers))
    return StatusAnswer(
        version=_version("bit-transformer") or "unknown",
        torch=_version("torch"),
        python=platform.python_version(),
        num_cores=_num_cores(),
        is_token_needed=shared.sign_in.is_needed,
        is_signed_in=is_signed_in,
        limits=Limits.model_validate({name: getattr(config, name) for name in Limits.model_fields}),
        runs=str(config.runs.absolute()) if is_signed_in else "",
        roots=[str(root) for root in shared.folders.roots] if is_signed_in else [],
        free_disk_bytes=_free_bytes(config) if is_signed_in else None,
        codecs=[_entry(name) for name in (*codec_names(), *_WITH_TABLES)],
    )


@router.post("/session", status_code=204)
def sign_in(body: TokenRequest, shared: Shared) -> Response:
    """Sign this browser in with the token; without one, there is nothing to do."""
    answer = Response(status_code=204)
    if shared.sign_in.is_needed:
        shared.sign_in.check(body.token)
        answer.set_cookie(
            shared.sign_in.cookie_name,
            shared.sign_in.cookie,
            httponly=True,
            samesite="strict",
            path="/",
        )
    return answer


@router.delete("/session", status_code=204)
def sign_out(shared: Shared) -> Response:
    """Sign this browser out."""
    answer = Response(status_code=204)
    answer.delete_cookie(shared.sign_in.cookie_name, path="/")
    return answer


def _entry(name: str) -> CodecEntry:
    try:
        codec = get_codec(name)
    except MissingDependencyError:
        return CodecEntry(name=name, is_complete=False, is_available=False, install=_INSTALL)
    return CodecEntry(
        name=name, is_complete=codec.is_complete, is_available=True, has_level=_has_level(name)
    )


def _has_level(name: str) -> bool:
    try:
        get_codec(f"{name}:1")
    except InputError:
        return False
    return ":" not in name


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _free_bytes(config: DashboardConfig) -> int | None:
    folder = config.runs.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(Path(folder)).free
    except OSError:
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
