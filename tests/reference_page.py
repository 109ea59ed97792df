"""The page docs/reference.md, made from the source: public names, signatures, first sentences.

    python -m tests.reference_page      write the page anew

It reads the source as text and imports none of it, so the page is the same on every machine.
"""

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "bit_transformer"
PAGE = ROOT / "docs" / "reference.md"
ROOMS = [
    "bits",
    "codecs",
    "model",
    "telemetry",
    "data",
    "runs",
    "checkpoint",
    "generation",
    "archive",
    "evaluation",
    "training",
    "recipes",
    "errors",
    "settings",
]

HEAD = """\
# Reference

The public names of each room, made from the source. The names in the first table can be imported
from `bit_transformer` itself; the others from their room, as in
`from bit_transformer.bits import check_bits`. Their docstrings have the rest: shapes, arguments,
errors, examples.

"""

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


def render() -> str:
    """The whole page."""
    parts = [HEAD, "## bit_transformer\n\n", _surface_table()]
    for room in ROOMS:
        file = _room_file(room)
        sentence = _first_sentence(ast.get_docstring(_parse(file)))
        parts.append(f"\n## bit_transformer.{room}\n\n{sentence}\n")
        parts.extend(_entry(name, node) for name, node in _public_definitions(file))
    return "".join(parts)


def public_names(file: Path) -> list[str]:
    """The names in a module's ``__all__``, in its order."""
    for node in _parse(file).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def definitions(file: Path) -> dict[str, Definition]:
    """What a module defines at its top level, by name."""
    found: dict[str, Definition] = {}
    for node in _parse(file).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({t.id: node for t in targets if isinstance(t, ast.Name)})
    return found


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _room_file(room: str) -> Path:
    folder = SOURCE / room
    return folder / "__init__.py" if folder.is_dir() else SOURCE / f"{room}.py"


def _public_definitions(file: Path) -> Iterator[tuple[str, Definition]]:
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    homes = {name: node for home in files for name, node in definitions(home).items()}
    for name in public_names(file):
        yield name, homes[name]


def _surface_table() -> str:
    homes = {name: room for room in ROOMS for name in public_names(_room_file(room))}
    lines = ["| name | room |", "|---|---|"]
    lines += [f"| `{name}` | `{homes[name]}` |" for name in public_names(SOURCE / "__init__.py")]
    return "\n".join(lines) + "\n"


def _entry(name: str, node: Definition) -> str:
    if isinstance(node, ast.FunctionDef):
        return f"\n### {name}\n\n```python\n{_signature(node)}\n```\n\n{_summary(node)}\n"
    if isinstance(node, ast.ClassDef):
        return f"\n### {name}\n\n{_summary(node)}\n{_members(node)}"
    return f"\n### {name}\n\n```python\n{_shorten(ast.unparse(node))}\n```\n"


def _shorten(text: str) -> str:
    return text if len(text) <= 200 else text[:190] + " …"


def _signature(node: ast.FunctionDef) -> str:
    arguments, returns = node.args, node.returns
    parts = _split_arguments(arguments)
    one_line = f"{node.name}({', '.join(parts)})"
    end = f" -> {ast.unparse(returns)}" if returns else ""
    if len(one_line + end) <= 92:
        return one_line + end
    lines = "".join(f"    {part},\n" for part in parts)
    return f"{node.name}(\n{lines}){end}"


def _split_arguments(arguments: ast.arguments) -> list[str]:
    """Each argument as it is usually written, with spaces around an annotated default's sign."""
    text = ast.unparse(arguments)
    parts, depth, start = [], 0, 0
    for i, character in enumerate(f"{text},"):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [re.sub(r"^(\w+: [^=]*)=", r"\1 = ", part) for part in parts if part]


def _members(node: ast.ClassDef) -> str:
    fields = [_field(item) for item in node.body if isinstance(item, ast.AnnAssign)]
    fields = [line for line in fields if line]
    methods = [
        f"| `{_shorten(_signature_line(item))}` | {_summary(item)} |"
        for item in node.body
        if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
    ]
    text = ""
    if fields:
        text += "\n| field | |\n|---|---|\n" + "\n".join(fields) + "\n"
    if methods:
        text += "\n| member | |\n|---|---|\n" + "\n".join(methods) + "\n"
    return text


def _signature_line(node: ast.FunctionDef) -> str:
    decorators = {ast.unparse(item) for item in node.decorator_list}
    if decorators & {"property", "functools.cached_property", "cached_property"}:
        return node.name
    bare = copy.deepcopy(node.args)
    if "staticmethod" not in decorators:
        bare.args = bare.args[1:]
    text = ", ".join(_split_arguments(bare))
    return f"{node.name}({text})".replace("|", "\\|")


def _field(node: ast.AnnAssign) -> str:
    name = ast.unparse(node.target)
    if name.startswith("_") or name == "model_config":
        return ""
    annotation = ast.unparse(node.annotation).replace("|", "\\|")
    default, description = _field_facts(node.value)
    shown = f" = {default}" if default else ""
    return f"| `{name}: {annotation}{shown}` | {description} |".replace("''", '""')


def _field_facts(value: ast.expr | None) -> tuple[str, str]:
    """Default and description of a field; both may be empty."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "Field"):
        return (ast.unparse(value) if value else ""), ""
    keywords = {item.arg: item.value for item in value.keywords}
    default = value.args[0] if value.args else keywords.get("default")
    description = keywords.get("description")
    text = ast.literal_eval(description) if description else ""
    shown = ast.unparse(default) if default else ""
    return ("" if shown == "..." else shown.replace("|", "\\|")), text.replace("|", "\\|")


def _summary(node: ast.FunctionDef | ast.ClassDef) -> str:
    return _first_sentence(ast.get_docstring(node))


def _first_sentence(docstring: str | None) -> str:
    paragraph = " ".join((docstring or "").split("\n\n")[0].split())
    paragraph = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", paragraph)
    return paragraph.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
