"""Files below the roots, uploads, and results."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from bit_transformer.dashboard.schemas.storage import FileListing, Upload, UploadsAnswer
from bit_transformer.dashboard.services import ERRORS, Shared

__all__ = ["router"]

router = APIRouter(tags=["storage"], responses=ERRORS)

_UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/files")
def files(
    shared: Shared, path: Annotated[str | None, Query(max_length=4096)] = None
) -> FileListing:
    """What a folder below an allowed root holds; without a path, the roots."""
    return shared.folders.listing(path)


@router.get("/uploads")
def uploads(shared: Shared) -> UploadsAnswer:
    """All uploads, the newest first."""
    found = shared.uploads.all()
    return UploadsAnswer(uploads=found, num_bytes=sum(one.num_bytes for one in found))


@router.post("/uploads", status_code=201, openapi_extra=_UPLOAD_BODY)
async def upload(
    request: Request, shared: Shared, name: Annotated[str, Query(min_length=1, max_length=255)]
) -> Upload:
    """Keep the body, sent as ``application/octet-stream``; ``name`` is only for people."""
    length = request.headers.get("content-length", "")
    declared = int(length) if length.isdecimal() else None
    return await shared.uploads.receive(name, request.stream(), declared)


@router.delete("/uploads/{upload_id}", status_code=204)
def delete_upload(upload_id: str, shared: Shared) -> Response:
    """Delete an upload; 409 if a run that can still go on learns from it."""
    shared.control.check_upload_is_free(upload_id)
    shared.uploads.delete(upload_id)
    return Response(status_code=204)


@router.get("/downloads/{result_id}", response_class=FileResponse)
def download(result_id: str, shared: Shared) -> Response:
    """A result, as a file."""
    found = shared.results.get(result_id)
    return FileResponse(
        Path(shared.results.path(result_id)),
        media_type="application/octet-stream",
        filename=found.name,
        headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
    )
