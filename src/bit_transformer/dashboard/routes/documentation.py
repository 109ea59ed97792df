"""The interface described on a plain page, made from its own schema; nothing from elsewhere."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/api/docs", response_class=HTMLResponse)
def documentation(request: Request) -> HTMLResponse:
    """Every route with its parameters, its body and its answer."""
    schema = request.app.openapi()
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>The interface</title>",
        "<meta name=viewport content='width=device-width'><style>",
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}",
        "code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto}",
        "td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}",
        ":root{color-scheme:light dark}</style><body>",
        f"<h1>{escape(schema['info']['title'])}</h1>",
        "<p>The same as a schema: <a href=/api/openapi.json>openapi.json</a></p>",
    ]
    for path, methods in schema["paths"].items():
        parts += [_route(path, method, route) for method, route in methods.items()]
    parts.append("<h1>Bodies</h1>")
    parts += [_model(name, one) for name, one in schema["components"]["schemas"].items()]
    return HTMLResponse("".join(parts))


def _route(path: str, method: str, route: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code><td>{escape(_type(one['schema']))}"
        f"<td>{escape(one.get('description') or one['schema'].get('description') or '')}"
        for one in route.get("parameters", [])
    )
    body = route.get("requestBody", {}).get("content", {})
    sent = "".join(
        f"<p>Body, {escape(kind)}: {_link(one.get('schema', {}))}" for kind, one in body.items()
    )
    answers = "".join(
        f"<p>{escape(status)}: {_link(one.get('schema', {}))}"
        for status, answer in route["responses"].items()
        for one in list(answer.get("content", {}).values())[:1]
    )
    text = escape(route.get("description", "")).replace("\n\n", "<p>")
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{text}</p>"
        f"<table>{rows}</table>{sent}{answers}"
    )


def _model(name: str, model: dict[str, Any]) -> str:
    required = model.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in required else ' (optional)'}"
        f"<td>{_link(one)}<td>{escape(one.get('description', ''))}"
        for field, one in model.get("properties", {}).items()
    )
    text = escape(model.get("description", "")).replace("\n\n", "<p>")
    return f"<h3 id='{escape(name)}'>{escape(name)}</h3><p>{text}<table>{rows}</table>"


def _link(schema: dict[str, Any]) -> str:
    for options in ("anyOf", "oneOf"):
        if options in schema:
            return " or ".join(_link(one) for one in schema[options])
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if schema.get("type") == "array":
        return f"list of {_link(schema.get('items', {}))}"
    return escape(_type(schema))


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    return str(schema.get("const", schema.get("type", "anything")))
