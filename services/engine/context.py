"""The context of a request: who calls, under which name it is logged, and when."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.engine.access import Principal
from services.engine.deprecation import Deprecated, Noticed
from services.engine.limits import Account, Left, Standing

if TYPE_CHECKING:
    from services.engine.procedures import Credential


@dataclass(frozen=True, slots=True)
class Person:
    """The user who calls; `role` is theirs in the workspace, None where they are no member of it."""

    id: str
    email: str
    name: str
    role: str | None
    is_platform_admin: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the workspace and the token, as the token itself may know them; `expires_at` is a text.

    `user` is the one whose session the token is, if it is one.
    """

    workspace_id: str
    workspace_slug: str
    workspace_name: str
    token_id: str
    token_name: str
    token_prefix: str
    kind: str
    expires_at: str | None
    scopes: tuple[str, ...]
    user: Person | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One request whoever sends it: from which address, with which program, and whether it came by TLS.

    `presented` is the raw token that came along, whether it is live or not, and empty without one.
    """

    address: str
    user_agent: str
    request_id: str
    now: float
    secure: bool
    presented: str = field(default="", repr=False)


@dataclass(slots=True)
class Caller:
    """One authenticated request.

    `credential` is the digest under which the token was verified, `instance` the request's path (RFC 9457),
    `now` the time in seconds since the epoch. `principal` is renewed when the token's scopes changed.
    `proving` tells that the token is proven live by whatever has been asked of the engine so far.

    `taken` are the points the request has been charged, None as long as nobody has tried, `asked` those that
    were asked for last. Of those taken, `held` may still come back, and `returned` have. `left` is what the
    last charge left, None where nothing is limited, and `account` is that of its whole batch. `address`,
    `user_agent`, `secure` and `presented` are those of the visit, and `granted` is a credential for the
    client to keep. `looked_at` is what an administrator of the platform asked for by name, `outdated` what
    was asked for that is deprecated.

    `registered` is the SHA-256 of the trusted operation that runs, None for everything else, and `proven`
    what the database has said of it during this request: that it is registered, or that it is not.
    """

    principal: Principal
    credential: bytes
    request_id: str
    instance: str
    now: float
    proving: bool = False
    taken: int | None = None
    asked: int = 0
    held: int = 0
    returned: int = 0
    left: Left | None = None
    account: Account = field(default_factory=Account)
    address: str = ""
    user_agent: str = ""
    secure: bool = False
    presented: str = field(default="", repr=False)
    granted: "Credential | None" = None
    looked_at: list[str] = field(default_factory=list)
    registered: str | None = None
    proven: bool | None = None
    outdated: tuple[Noticed, ...] = ()

    def notice(self, used: tuple[Deprecated, ...], operation: str = "") -> None:
        """Note the use of what is deprecated, by an operation unless the address tells which."""
        self.outdated += tuple(Noticed(operation, each) for each in used)

    @property
    def charged(self) -> int:
        """Return the points that the request has cost so far."""
        return (self.taken or 0) - self.returned

    @property
    def standing(self) -> Standing | None:
        """Return what is left now, None where nothing is limited."""
        return None if self.left is None else self.left.standing()

    @property
    def watched(self) -> bool:
        """Tell whether the answer is to be written down first, as administrators' reading is."""
        return self.principal.administrative or bool(self.looked_at)

    @property
    def visit(self) -> Visit:
        """Return the request itself, whoever sends it."""
        return Visit(self.address, self.user_agent, self.request_id, self.now, self.secure, self.presented)
