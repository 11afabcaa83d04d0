"""One HTML file with all that it needs inside, and a policy that lets nothing else in.

A page holds no inline event handler and no `style` attribute: its Content-Security-Policy names
the digest of each style and script that stands in it, so that markup which came in by a file name,
a table or a caption can neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")


@frozen
class Policy:
    """What a page may load beside its own styles and scripts; sources as a policy writes them."""

    images: str = "data:"
    frames: str = "'none'"
    connect: str = "'none'"


@frozen
class Head:
    """The title of a page, and whether it asks search engines and caches to leave it alone."""

    title: str
    language: str = "en"


def asset(name: str) -> str:
    """The text of a style or script that comes with rulekit."""
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


def page(
    head: Head,
    body: str,
    *,
    styles: Sequence[str],
    scripts: Sequence[str] = (),
    data: Mapping[str, Any] | None = None,
    policy: Policy | None = None,
) -> str:
    """The whole page. `body` is markup; `data` values become JSON that scripts find by its id."""
    joined = "\n".join(scripts)
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{html.escape(head.language)}"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="'
        f'{html.escape(policy_text(styles, scripts, policy or Policy()))}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{text(head.title)}</title>",
        *(f"<style>{style_text(one)}</style>" for one in styles),
        "</head><body>",
        body,
        *(
            f'<script type="application/json" id="{html.escape(name)}">{json_text(value)}</script>'
            for name, value in (data or {}).items()
        ),
        f"<script>{joined}</script>" if scripts else "",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def policy_text(styles: Sequence[str], scripts: Sequence[str], policy: Policy) -> str:
    """The Content-Security-Policy of a page with these styles and scripts."""
    script = _digest("\n".join(scripts)) if scripts else "'none'"
    style = " ".join(_digest(style_text(one)) for one in styles) or "'none'"
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src {policy.images}; "
        f"frame-src {policy.frames}; connect-src {policy.connect}; base-uri 'none'; "
        "form-action 'none'"
    )


def text(value: object) -> str:
    """A value as text in markup or in an attribute. Names that are no UTF-8 are shown as far as
    they can be."""
    clean = str(value).encode("utf-8", "backslashreplace").decode()
    return html.escape(clean).replace("\0", "\ufffd")


def json_text(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins another."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def style_text(style: str) -> str:
    """A style that ends no element and loads nothing but data."""
    return style.replace("</", "<\\/").replace("\r", "").replace("\0", "")


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _digest(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
