"""The log: one JSON object a line on standard error, what callers add under `extra` in it, and no secrets."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from diptych.redaction import redacted, without_secrets

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure() -> None:
    """Send warnings and worse of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class JsonLines(logging.Formatter):
    """Renders a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; values that JSON does not know appear as text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redacted(record.getMessage()),
        }
        more = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line |= without_secrets(more)
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = redacted(self.formatStack(record.stack_info))
        # Further characters than the line feed end a line, or steer a terminal, for some who read logs.
        return json.dumps(line, default=str, ensure_ascii=True)
