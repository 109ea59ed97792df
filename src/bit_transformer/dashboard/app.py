"""The application: services, routes, the page, and the guard around all of them."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.failures import answer_of, internal_error, status_of
from bit_transformer.dashboard.routes import documentation, lab, runs, server, storage
from bit_transformer.dashboard.schemas.errors import ErrorAnswer
from bit_transformer.dashboard.security import SAFE_HEADERS, Guard
from bit_transformer.dashboard.services import Services, build_services
from bit_transformer.errors import BitTransformerError, DashboardError, MissingDependencyError

__all__ = ["create_app"]

STATIC = Path(__file__).parent / "static"


def create_app(config: DashboardConfig | None = None, *, has_tools: bool = False) -> FastAPI:
    """The dashboard as an ASGI application.

    Args:
        has_tools: serve the interface to language-model agents too, at ``/mcp``.

    Raises:
        MissingDependencyError: it should, and the extra ``agents`` is not installed.

    Example:
        >>> app = create_app()
        >>> "/api/v1/runs" in app.openapi()["paths"]
        True
    """
    settings: DashboardConfig = DashboardConfig() if config is None else config
    services = build_services(settings)
    app = FastAPI(
        title="BitTransformerLM dashboard",
        description="Everything the page does, for programs.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    for module in (server, runs, storage, lab):
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(documentation.router)
    _add_failures(app)
    if has_tools:
        from bit_transformer.dashboard.tools import add_tools

        add_tools(app)
    _add_page(app)
    app.add_middleware(Guard, config=settings, sign_in=services.sign_in)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    async with AsyncExitStack() as stack:
        if hasattr(app.state, "tools_lifespan"):
            await stack.enter_async_context(app.state.tools_lifespan(app))
        yield
    services.metrics.close()
    await services.workers.close()


def _add_page(app: FastAPI) -> None:
    @app.get("/vendor/plotly.min.js", include_in_schema=False)
    def plotly() -> Response:
        found = importlib.util.find_spec("plotly")
        if found is None or found.origin is None:
            raise MissingDependencyError("plotly", "dashboard", "drawing charts")
        script = Path(found.origin).parent / "package_data" / "plotly.min.js"
        return FileResponse(
            script, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"}
        )

    @app.get("/", include_in_schema=False)
    def page(request: Request, token: str | None = None) -> Response:
        if token is None:
            return FileResponse(STATIC / "index.html", media_type="text/html")
        # The link that the terminal prints: sign in, and keep the token out of the history.
        sign_in = request.app.state.services.sign_in
        answer = RedirectResponse("/", status_code=303)
        if sign_in.is_needed:
            sign_in.check(token)
            answer.set_cookie(
                sign_in.cookie_name, sign_in.cookie, httponly=True, samesite="strict", path="/"
            )
        return answer

    app.mount("/", StaticFiles(directory=STATIC, html=True), name="page")


def _add_failures(app: FastAPI) -> None:
    @app.exception_handler(BitTransformerError)
    def known(request: Request, error: BitTransformerError) -> JSONResponse:
        operation = _operation(request)
        # What is left of a refused upload is not read to its end.
        headers = {"Connection": "close"} if operation == "upload" else None
        return JSONResponse(answer_of(error, operation), status_of(error), headers=headers)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        refusal = DashboardError(
            f"{_lower(first['msg'])}; correct {place or 'the body'} and send it again",
            status=422,
            kind="RequestError",
            where=place[:200] or None,
        )
        return JSONResponse(answer_of(refusal, _operation(request)), 422)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        messages = {
            404: f"there is nothing at {request.url.path[:200]}; check the address",
            405: f"{request.method} is not for {request.url.path[:200]}; see /api/docs",
            400: "the body is no JSON that can be read; send one JSON object",
        }
        message = messages.get(error.status_code, str(error.detail))
        refusal = DashboardError(message, status=error.status_code, kind="RequestError")
        return JSONResponse(answer_of(refusal), error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        del request
        body = ErrorAnswer(error=internal_error(error)).model_dump()
        return JSONResponse(body, 500, headers=SAFE_HEADERS)  # the guard does not see this one


def _operation(request: Request) -> str:
    """What was tried, from the last part of the address."""
    path, method = request.url.path.rstrip("/"), request.method
    last = path.rpartition("/")[2]
    if last in ("pause", "resume", "stop"):
        return "control_run"
    if last == "runs" and method == "POST":
        return "start_run"
    return {"uploads": "upload"}.get(last, last)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
