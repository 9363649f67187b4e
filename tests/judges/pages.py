"""A browser uses the pages as a reader does, and axe judges them: reference, GraphiQL, a problem, the site.

It needs Chromium, such as Debian's package `chromium`; CHROMIUM names another one's path.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.judges.stage import HERE, ROOT, Stage, ran, scratch
from tests.judges.verdicts import Verdict

BROWSER = HERE / "browser"


def read(stage: Stage) -> Iterator[Verdict]:
    """Open every kind of page, do on it what it is for, and let axe look at it."""
    with scratch() as folder, stage.house() as house, _site(folder) as site:
        began = time.monotonic()
        token = {"DIPTYCH_TOKEN": house.tokens["own"]}
        found = ran(["node", "judge.js", house.base, site], BROWSER, 600, **token).json()
        seconds = (time.monotonic() - began) / len(found)
    for page in found:
        yield Verdict(
            "axe-core in Chromium",
            _version(),
            f"the page {page['name']}",
            page["did"],
            [*page["complaints"], *page["own"]],
            seconds,
            _vendored(page["vendored"]),
        )


def _vendored(counts: dict[str, int]) -> str:
    told = ", ".join(f"{count} {rule}" for rule, count in counts.items())
    return f"in the vendored part: {told}" if told else ""


def _version() -> str:
    return str(json.loads((BROWSER / "node_modules" / "axe-core" / "package.json").read_text())["version"])


@contextmanager
def _site(folder: Path) -> Iterator[str]:
    """Build the site into a folder and serve it; raises ValueError where it does not build."""
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    done = ran(build, ROOT, NO_MKDOCS_2_WARNING="1")
    if done.code:
        raise ValueError(f"The site does not build:\n{done.err}")
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


JUDGES = (read,)
