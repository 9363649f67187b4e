"""The workspace a request speaks for."""

import uuid
from typing import Annotated

from fastapi import Header

Workspace = Annotated[uuid.UUID, Header(alias="X-Workspace-Id")]
