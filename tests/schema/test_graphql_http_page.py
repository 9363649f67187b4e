"""The GraphiQL page: whole, self-contained, and fit for its content security policy."""

import re
from pathlib import Path

import pytest

from schema.graphiql import ASSETS_PATH, CONTENT_SECURITY_POLICY, asset, page

STATIC = Path(__file__).parents[2] / "schema" / "static"


def links() -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page().decode())


def test_every_file_the_page_links_is_served() -> None:
    linked = [link for link in links() if not link.startswith("data:")]

    assert [link for link in linked if not link.startswith("graphql/")] == [
        "docs/assets/token.css",
        "docs/assets/token.js",
        "docs",
    ]
    own = [link for link in linked if link.startswith("graphql/")]
    assert len(own) == 6
    for link in own:
        assert "/" + link == ASSETS_PATH + Path(link).name
        found = asset(Path(link).name)
        assert found is not None
        assert found[1].partition(";")[0] == ("text/css" if link.endswith(".css") else "text/javascript")


def test_the_page_has_no_inline_code_or_style() -> None:
    html = page().decode()

    assert re.findall(r"<script[^>]*>(?!</script>)", html) == []
    assert "<style" not in html
    assert re.findall(r"\s(?:style|on\w+)=", html) == []


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert [link for link in links() if link.startswith(("http:", "https:", "//"))] == []
    for name in ("graphiql.min.css", "page.css"):
        content, _ = asset(name)
        assert set(re.findall(rb"url\(['\"]?([a-z]+:)", content)) <= {b"data:"}
        assert b"@import" not in content
        assert b"@font-face" not in content


def test_the_policy_allows_no_inline_code() -> None:
    directives = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))

    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["script-src"] == directives["connect-src"] == "'self'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    "name", ["", "page.html", "../graphiql.py", "..", "/etc/hostname", "graphiql.min.js/", "a\0"]
)
def test_other_names_are_no_assets(name: str) -> None:
    assert asset(name) is None


def test_the_vendored_files_stay_small_and_carry_their_licences() -> None:
    content, media_type = asset("LICENSES.txt")

    assert media_type == "text/plain; charset=utf-8"
    for name in ("graphiql", "react-dom", "codemirror", "graphql"):
        assert re.search(rf"(^|[ ,]){name}(,|$)", content.decode(), re.MULTILINE), name
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < 1_500_000
