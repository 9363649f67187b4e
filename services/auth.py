"""What people do with their accounts, as procedures of both surfaces."""

from db.models import Role
from db.models.users import LONGEST_EMAIL
from services import accounts, passwords
from services.engine.procedures import AnyProcedure, DeskProcedure, Method, Part, PublicProcedure
from services.engine.resource import Field, Kind, Shown
from services.second_factor import RECOVERY_CODES

_LONGEST_CODE = 64


def _sought(text: str) -> str:
    """Return an address as accounts know it; what is none belongs to nobody, and is no other mistake."""
    return text.lower()


_EMAIL = Field(
    "email",
    "The address that the user logs in with, in whatever case.",
    kind=Kind.STRING,
    required=True,
    check=_sought,
    longest=LONGEST_EMAIL,
    example="ada@example.com",
)
_PASSWORD = Field(
    "password",
    "The user's password.",
    kind=Kind.STRING,
    required=True,
    check=passwords.given,
    longest=passwords.LONGEST,
    example="correct horse battery staple",
)
_CODE = Field(
    "totp_code",
    "A code of the second factor, where the user has one.",
    kind=Kind.STRING,
    longest=_LONGEST_CODE,
    example="492039",
)
_RECOVERY = Field(
    "recovery_code",
    "One of the recovery codes, in place of that.",
    kind=Kind.STRING,
    longest=_LONGEST_CODE,
    example=None,
)
_NEW_CODE = Field(
    "totp_code",
    "The code that an authenticator shows for the new secret.",
    kind=Kind.STRING,
    required=True,
    longest=_LONGEST_CODE,
    example="492039",
)
_WHICH = Field("id", "Which session.", kind=Kind.UUID, required=True)

_WORKSPACE = Part(
    "workspace",
    "The workspace that the session is in.",
    (
        Field("id", "Identifier, a UUID version 4.", kind=Kind.UUID, required=True),
        Field("slug", "Short name in URLs.", kind=Kind.STRING, required=True),
        Field("name", "Display name.", kind=Kind.STRING, required=True),
    ),
)
_SESSION = (
    Field(
        "token",
        "The token of the session, which a cookie holds too.",
        kind=Kind.STRING,
        shown=Shown.ONCE,
        example="dip_prod_…",
    ),
    Field(
        "expires_at",
        "When the session ends unless it is refreshed, in UTC.",
        kind=Kind.DATETIME,
        required=True,
        example="2026-01-01T12:00:00Z",
    ),
    Field("session_id", "The session, which stays the same when refreshed.", kind=Kind.UUID, required=True),
    Field("scopes", "What it may do, as `resource:action`.", kind=Kind.STRING, required=True, many=True),
    _WORKSPACE,
    Part(
        "user",
        "The user who has logged in.",
        (
            Field("id", "Identifier, a UUID version 4.", kind=Kind.UUID, required=True),
            Field("email", "Address that they log in with.", kind=Kind.STRING, required=True),
            Field("name", "Name.", kind=Kind.STRING, required=True),
            Field(
                "role",
                "What they are in the workspace; null where they are no member of it.",
                kind=Kind.STRING,
                enum=Role,
            ),
            Field(
                "is_platform_admin",
                "Whether they administer the platform.",
                kind=Kind.BOOLEAN,
                required=True,
            ),
        ),
    ),
)
_LISTED = (
    Field("id", "The session.", kind=Kind.UUID, required=True),
    Field("name", "The program that began or refreshed it.", kind=Kind.STRING, required=True),
    _WORKSPACE,
    Field(
        "administrative",
        "Whether the user is in the workspace as an administrator of the platform.",
        kind=Kind.BOOLEAN,
        required=True,
    ),
    Field("current", "Whether it is the one that asks.", kind=Kind.BOOLEAN, required=True),
    Field("started_at", "When the user logged in, in UTC.", kind=Kind.DATETIME, required=True),
    Field("last_used_at", "When it was last used, to the minute, in UTC.", kind=Kind.DATETIME),
    Field("expires_at", "When it ends unless it is refreshed, in UTC.", kind=Kind.DATETIME, required=True),
)
_RECOVERY_CODES = Field(
    "recovery_codes",
    f"{RECOVERY_CODES} codes, each of which stands in once for one of the second factor.",
    kind=Kind.STRING,
    shown=Shown.ONCE,
    many=True,
    example=["7KQ2M-0XV4D-P3TNA-9GZ1H"],
)

AUTH: tuple[AnyProcedure, ...] = (
    PublicProcedure(
        "login",
        "auth/login",
        "Begin a session. Unknown users, disabled ones and wrong passwords are refused alike.",
        Method.POST,
        accounts.login,
        inputs=(
            _EMAIL,
            _PASSWORD,
            _CODE,
            _RECOVERY,
            Field(
                "workspace",
                "The workspace, by id or slug; else the one that the user has belonged to longest.",
                kind=Kind.STRING,
                example="acme",
            ),
        ),
        outputs=_SESSION,
    ),
    PublicProcedure(
        "admin_login",
        "admin/auth/login",
        "Begin a session of an administrator of the platform.",
        Method.POST,
        accounts.admin_login,
        inputs=(
            Field(
                "username",
                "The address that the administrator logs in with.",
                kind=Kind.STRING,
                required=True,
                check=_sought,
                longest=LONGEST_EMAIL,
                example="ada@example.com",
            ),
            _PASSWORD,
            _CODE,
        ),
        outputs=_SESSION,
    ),
    PublicProcedure(
        "refresh_session",
        "auth/refresh",
        "Put a new token in the place of the session's, which ends at once. Showing one that was replaced "
        "before ends the whole session, since somebody may have stolen it.",
        Method.POST,
        accounts.refresh,
        inputs=(
            Field(
                "workspace",
                "The workspace to go on in, by id or slug; else the one that the session is in.",
                kind=Kind.STRING,
            ),
        ),
        outputs=_SESSION,
    ),
    DeskProcedure(
        "logout", "auth/logout", "End the session that calls.", Method.POST, accounts.logout, status=204
    ),
    DeskProcedure(
        "sessions",
        "auth/sessions",
        "The user's open sessions in all workspaces, the newest first.",
        Method.GET,
        accounts.list_sessions,
        outputs=_LISTED,
        many=True,
    ),
    DeskProcedure(
        "end_session",
        "auth/sessions/{id}",
        "End one of the user's sessions, in whichever workspace it is.",
        Method.DELETE,
        accounts.end_session,
        inputs=(_WHICH,),
        status=204,
    ),
    DeskProcedure(
        "change_password",
        "auth/password",
        "Take another password. All other sessions end, in every workspace.",
        Method.POST,
        accounts.change_password,
        inputs=(
            Field(
                "current_password",
                "The password so far.",
                kind=Kind.STRING,
                required=True,
                check=passwords.given,
                longest=passwords.LONGEST,
                example="correct horse battery staple",
            ),
            Field(
                "password",
                f"The new one: {passwords.SHORTEST} to {passwords.LONGEST} characters of any kind.",
                kind=Kind.STRING,
                required=True,
                check=passwords.chosen,
                pattern=passwords.PATTERN,
                shortest=passwords.SHORTEST,
                longest=passwords.LONGEST,
                example="eleven lazy owls read aloud",
            ),
        ),
        outputs=(
            Field("sessions_ended", "How many sessions ended.", kind=Kind.INTEGER, required=True, example=2),
        ),
    ),
    DeskProcedure(
        "enroll_totp",
        "auth/totp",
        "Get a secret for an authenticator; a code from it puts it in force.",
        Method.POST,
        accounts.enroll_totp,
        inputs=(_PASSWORD,),
        outputs=(
            Field("secret", "The secret, in base 32.", kind=Kind.STRING, shown=Shown.ONCE, example="…"),
            Field("uri", "The same as an address to draw.", kind=Kind.STRING, shown=Shown.ONCE, example="…"),
        ),
    ),
    DeskProcedure(
        "confirm_totp",
        "auth/totp/confirm",
        "Put the second factor in force.",
        Method.POST,
        accounts.confirm_totp,
        inputs=(_NEW_CODE,),
        outputs=(_RECOVERY_CODES,),
    ),
    DeskProcedure(
        "disable_totp",
        "auth/totp/disable",
        "Do without the second factor.",
        Method.POST,
        accounts.disable_totp,
        inputs=(_PASSWORD, _CODE, _RECOVERY),
        status=204,
    ),
    DeskProcedure(
        "renew_recovery_codes",
        "auth/recovery-codes",
        "Get new recovery codes, which make all earlier ones worthless.",
        Method.POST,
        accounts.renew_recovery_codes,
        inputs=(_PASSWORD, _CODE, _RECOVERY),
        outputs=(_RECOVERY_CODES,),
    ),
)
