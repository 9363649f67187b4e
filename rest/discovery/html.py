"""Plain pages for people, from the few forms of Markdown that our own texts use."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape

from rest.http import Headers

_STYLE = (
    "body{max-width:46rem;margin:3rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif;"
    "color:#1c2430;background:#fff}a{color:#0b57a4}h1{line-height:1.2}"
    "code,pre{font:.9em/1.5 ui-monospace,monospace;background:#f1f3f6;border-radius:4px}"
    "code{padding:.1em .3em}pre{padding:1rem;overflow:auto}pre code{padding:0}"
    "table{border-collapse:collapse}td,th{padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{color:#e4e8ee;background:#14181f}a{color:#7cb7ff}"
    "code,pre{background:#222933}}"
)
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest())
POLICY: Headers = [
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; img-src 'self'; "
        b"style-src 'sha256-%b'" % _DIGEST,
    )
]
"""Nothing may be loaded but the icon, and no style applies but the page's own."""

_FENCE = re.compile(r"```\w*\n(.*?)\n```", re.S)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


def page(title: str, markdown: str) -> str:
    """Return a whole page without anything from elsewhere."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · Diptych</title><link rel="icon" href="/favicon.ico">'
        f"<style>{_STYLE}</style></head><body><main>\n{rendered(markdown)}\n</main></body></html>\n"
    )


def rendered(markdown: str) -> str:
    """Return headings, paragraphs, fenced code, tables, links and inline code as HTML."""
    found: list[str] = []
    for place, part in enumerate(_FENCE.split(markdown)):
        if place % 2:
            found.append(f"<pre><code>{escape(part)}</code></pre>")
        else:
            found += map(_block, filter(None, (block.strip() for block in part.split("\n\n"))))
    return "\n".join(found)


def _block(text: str) -> str:
    if text.startswith("#"):
        marks, _, title = text.partition(" ")
        return f"<h{len(marks)}>{_inline(title)}</h{len(marks)}>"
    if text.startswith("|"):
        return f"<table>\n{''.join(_rows(text.splitlines()))}</table>"
    return f"<p>{_inline(text)}</p>"


def _rows(lines: list[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        if place != 1:
            tag = "th" if place == 0 else "td"
            cells = (each.strip() for each in line.strip("|").split("|"))
            yield f"<tr>{''.join(f'<{tag}>{_inline(each)}</{tag}>' for each in cells)}</tr>\n"


def _inline(text: str) -> str:
    found = _LINK.sub(r'<a href="\2">\1</a>', escape(text, quote=False))
    return _CODE.sub(r"<code>\1</code>", found)
