"""What a page is like for those who see little, hear it read out, or have no pointer: as lists.

Each function looks at a page and returns what is wrong, worded so that the element can be found; an
empty list is a page in order. The rules are those of WCAG 2.2, level AA, as far as a program can
tell: contrast (1.4.3), reflow (1.4.10), names (4.1.2), headings (1.3.1), focus order (2.4.3) and
focus visible (2.4.7), target size (2.5.8).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["contrast", "nameless", "overflow", "structure", "targets", "walk"]

_NAMED_ROLES = {
    "button", "link", "textbox", "searchbox", "spinbutton", "combobox", "listbox", "radio",
    "checkbox", "switch", "slider", "dialog", "img", "figure", "progressbar", "tab", "meter",
}  # fmt: skip

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8").strip()


def contrast(page: "Page") -> list[str]:
    """Text that does not stand out from its ground by 4.5 : 1, or 3 : 1 if it is large."""
    return _ask(page, "contrast")


def structure(page: "Page") -> list[str]:
    """Landmarks, headings and references that are missing or out of order."""
    return _ask(page, "structure")


def overflow(page: "Page") -> list[str]:
    """What reaches beyond the right edge of a window that then scrolls sideways."""
    return _ask(page, "overflow")


def targets(page: "Page") -> list[str]:
    """What is to be touched and is less than 24 pixels wide or high."""
    return _ask(page, "targets")


def nameless(page: "Page") -> list[str]:
    """Controls and pictures that a screen reader would read without a name."""
    session = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        f"a {node['role']['value']} has no name"
        for node in nodes
        if not node.get("ignored")
        and node.get("role", {}).get("value") in _NAMED_ROLES
        and not node.get("name", {}).get("value", "").strip()
    ]


def walk(page: "Page") -> list[str]:
    """What is wrong with the way of the Tab key through the page, from its beginning."""
    num_stops = _ask(page, "markStops")
    found, last = [], 0
    for _ in range(num_stops - 1):
        page.keyboard.press("Tab")
        focused = _ask(page, "focused")
        if focused is None:
            found.append(f"the way ends after {last + 1} of {num_stops} stops")
            break
        if not focused["isMarked"]:
            found.append(f"focus on {focused['name']} is not seen")
        if focused["place"] != last + 1:
            found.append(f"{focused['name']} is stop {focused['place']}, after {last}")
        last = focused["place"]
    return found


def _ask(page: "Page", name: str) -> Any:
    return page.evaluate(f"() => {_SCRIPT}.{name}()")
