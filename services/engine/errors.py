"""The error catalogue: every way in which Diptych refuses, drawn once for all surfaces.

Problem
├── 400 bad-request             the request cannot be understood as sent
├── 401 invalid-token           no live token came with the request
├── 401 invalid-credentials     nobody has this password, or this second factor
├── 402 payment-required        the call must be paid first
├── 403 insufficient-scope      the token lacks a scope
├── 403 feature-limit-reached   the workspace's plan is used up
├── 403 https-required          the request came unencrypted
├── 403 origin-refused          a page of another origin acts with a cookie
├── 403 operation-not-trusted   only registered GraphQL operations may run
├── 404 not-found               absent, deleted, or another workspace's
├── 404 persisted-query-not-found  no GraphQL document of this hash is known
├── 405 method-not-allowed      the resource has no such method
├── 406 not-acceptable          no representation fits Accept
├── 408 request-timeout         the request did not arrive in time
├── 409 conflict                the resource's state forbids it
├── 412 precondition-failed     If-Match names another version
├── 413 payload-too-large       the body exceeds its limit
├── 415 unsupported-media-type  the body's type is not read here
├── 422 validation-failed       fields are invalid
├── 422 invalid-params          required parameters are missing
├── 422 upload-failed           a file could not be stored
├── 422 idempotency-key-mismatch  the key was used for another payload
├── 428 precondition-required   If-Match is missing
├── 429 rate-limit-exceeded     the budget is spent
├── 431 request-headers-too-large  the headers exceed their limits
├── 500 internal-error          anything unforeseen; details only in the log
└── 503 service-unavailable     a dependency is down
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

_LONGEST_DETAIL = 400
_IN_PATHS = "/:@!$&'()*+,;=-._~"
# More would make answers larger than what was asked, however many fields a body invents.
_MOST_TOLD = 1_000


class Slug(StrEnum):
    """Stable names of the problems; also the last segment of their type URI (RFC 9457)."""

    BAD_REQUEST = "bad-request"
    INVALID_TOKEN = "invalid-token"  # noqa: S105 (a name, not a secret)
    INVALID_CREDENTIALS = "invalid-credentials"
    PAYMENT_REQUIRED = "payment-required"
    INSUFFICIENT_SCOPE = "insufficient-scope"
    FEATURE_LIMIT_REACHED = "feature-limit-reached"
    HTTPS_REQUIRED = "https-required"
    ORIGIN_REFUSED = "origin-refused"
    OPERATION_NOT_TRUSTED = "operation-not-trusted"
    NOT_FOUND = "not-found"
    PERSISTED_QUERY_NOT_FOUND = "persisted-query-not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    NOT_ACCEPTABLE = "not-acceptable"
    REQUEST_TIMEOUT = "request-timeout"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition-failed"
    PAYLOAD_TOO_LARGE = "payload-too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    VALIDATION_FAILED = "validation-failed"
    INVALID_PARAMS = "invalid-params"
    UPLOAD_FAILED = "upload-failed"
    IDEMPOTENCY_KEY_MISMATCH = "idempotency-key-mismatch"
    PRECONDITION_REQUIRED = "precondition-required"
    RATE_LIMIT_EXCEEDED = "rate-limit-exceeded"
    REQUEST_HEADERS_TOO_LARGE = "request-headers-too-large"
    INTERNAL_ERROR = "internal-error"
    SERVICE_UNAVAILABLE = "service-unavailable"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One row of the catalogue; `meaning` and `remedy` are the text of its documentation page."""

    slug: Slug
    status: int
    title: str
    meaning: str
    remedy: str

    @property
    def code(self) -> str:
        """Return the GraphQL error code, such as `BAD_REQUEST`."""
        return self.slug.upper().replace("-", "_")


def _catalogue(*types: ProblemType) -> Mapping[Slug, ProblemType]:
    return MappingProxyType({kind.slug: kind for kind in types})


CATALOGUE = _catalogue(
    ProblemType(
        Slug.BAD_REQUEST,
        400,
        "Bad Request",
        "The request cannot be understood as it was sent: malformed JSON, or a parameter, field, filter, "
        "operator or value that does not exist here.",
        "Correct what the detail names. Nothing was changed.",
    ),
    ProblemType(
        Slug.INVALID_TOKEN,
        401,
        "Invalid Token",
        "The token is missing, malformed, unknown, expired or revoked.",
        "Send a live token as `Authorization: Bearer …`.",
    ),
    ProblemType(
        Slug.INVALID_CREDENTIALS,
        401,
        "Invalid Credentials",
        "No user logs in with this address, this password and, where one is demanded, this code of a second "
        "factor. Which of them is wrong is nobody's business.",
        "Correct them; a few failures in a row make the account wait. Where `totp_required` is true, a code "
        "is missing.",
    ),
    ProblemType(
        Slug.PAYMENT_REQUIRED,
        402,
        "Payment Required",
        "The call must be paid for before it runs.",
        "Pay the quote in the problem, then retry with the same idempotency key.",
    ),
    ProblemType(
        Slug.INSUFFICIENT_SCOPE,
        403,
        "Insufficient Scope",
        "The token lacks the scope named in `required_scope`.",
        "Use a token that holds it.",
    ),
    ProblemType(
        Slug.FEATURE_LIMIT_REACHED,
        403,
        "Feature Limit Reached",
        "The workspace's plan allows no more of this feature.",
        "Upgrade the plan, or wait for the period to reset.",
    ),
    ProblemType(
        Slug.HTTPS_REQUIRED,
        403,
        "HTTPS Required",
        "The request came unencrypted, so that anybody on its way could read and change it.",
        "Send it to the https:// address, and replace a token that came along: it is no secret any more.",
    ),
    ProblemType(
        Slug.ORIGIN_REFUSED,
        403,
        "Origin Refused",
        "A cookie was all that told who calls, and no page that may act with it sent the request.",
        "Call from a page of the server's own origin or an allowed one, or send the token as a header.",
    ),
    ProblemType(
        Slug.OPERATION_NOT_TRUSTED,
        403,
        "Operation Not Trusted",
        "This server, or this token, runs nothing but GraphQL operations that were registered ahead in the "
        "token's workspace, and this is none of them.",
        "Register the operation's exact text as a trusted operation, or use a token without that bound.",
    ),
    ProblemType(
        Slug.NOT_FOUND,
        404,
        "Not Found",
        "No such resource exists in the token's workspace.",
        "Check the id; deleted resources and those of other workspaces are not found either.",
    ),
    ProblemType(
        Slug.PERSISTED_QUERY_NOT_FOUND,
        404,
        "Persisted Query Not Found",
        "No GraphQL document of this SHA-256 hash is registered in the token's workspace, nor was it sent "
        "here lately.",
        "Send the text together with its hash once, or register it as a trusted operation.",
    ),
    ProblemType(
        Slug.METHOD_NOT_ALLOWED,
        405,
        "Method Not Allowed",
        "The resource does not answer this method.",
        "Use one of the methods in the `Allow` header.",
    ),
    ProblemType(
        Slug.NOT_ACCEPTABLE,
        406,
        "Not Acceptable",
        "No representation matches the `Accept` header.",
        "Accept `application/json`.",
    ),
    ProblemType(
        Slug.REQUEST_TIMEOUT,
        408,
        "Request Timeout",
        "The request did not arrive as a whole in the time that one may take.",
        "Send it again over a better connection, or in smaller parts.",
    ),
    ProblemType(
        Slug.CONFLICT,
        409,
        "Conflict",
        "The resource's current state forbids the operation.",
        "Read the resource again and decide anew.",
    ),
    ProblemType(
        Slug.PRECONDITION_FAILED,
        412,
        "Precondition Failed",
        "The resource has been modified since the version named by `If-Match`.",
        "Read the resource again and retry with its new ETag.",
    ),
    ProblemType(
        Slug.PAYLOAD_TOO_LARGE,
        413,
        "Payload Too Large",
        "The request body exceeds the limit.",
        "Send less, or split the request.",
    ),
    ProblemType(
        Slug.UNSUPPORTED_MEDIA_TYPE,
        415,
        "Unsupported Media Type",
        "The body's media type is not read here.",
        "Send `application/json`.",
    ),
    ProblemType(
        Slug.VALIDATION_FAILED,
        422,
        "Validation Failed",
        "Fields of the input are invalid; `errors` holds the codes per field.",
        "Correct the fields. Nothing was changed.",
    ),
    ProblemType(
        Slug.INVALID_PARAMS,
        422,
        "Invalid Parameters",
        "Required parameters are missing.",
        "Add the parameters that `errors` names.",
    ),
    ProblemType(
        Slug.UPLOAD_FAILED,
        422,
        "Upload Failed",
        "The file could not be stored.",
        "Upload it again.",
    ),
    ProblemType(
        Slug.IDEMPOTENCY_KEY_MISMATCH,
        422,
        "Idempotency Key Mismatch",
        "The idempotency key was used before with another payload or operation.",
        "Use a new key for a new request.",
    ),
    ProblemType(
        Slug.PRECONDITION_REQUIRED,
        428,
        "Precondition Required",
        "The request must say which version it replaces.",
        "Send `If-Match` with the resource's ETag.",
    ),
    ProblemType(
        Slug.RATE_LIMIT_EXCEEDED,
        429,
        "Rate Limit Exceeded",
        "The token's budget is spent for the moment.",
        "Wait for the seconds in `Retry-After`.",
    ),
    ProblemType(
        Slug.REQUEST_HEADERS_TOO_LARGE,
        431,
        "Request Header Fields Too Large",
        "There are more headers than a request may have, or they are too large.",
        "Send fewer and shorter headers.",
    ),
    ProblemType(
        Slug.INTERNAL_ERROR,
        500,
        "Internal Error",
        "Something failed that should not have; the log holds the details under the request id.",
        "Retry later, and quote the request id when you report it.",
    ),
    ProblemType(
        Slug.SERVICE_UNAVAILABLE,
        503,
        "Service Unavailable",
        "A dependency such as the database does not answer.",
        "Retry after a moment.",
    ),
)


@dataclass(frozen=True, slots=True)
class Invalid:
    """One thing wrong with one field: a standard code (S3-268) and a sentence for people."""

    code: str
    message: str


@dataclass(eq=False)
class Problem(Exception):
    """A refusal from the catalogue.

    `detail` is a sentence naming the offending thing, `invalid` maps dotted field paths to what is wrong,
    `extensions` are further members of the problem object (RFC 9457, section 3.2). `retry_after` are the
    seconds after which it is worth trying again; `replayed` tells that an earlier call was refused so.
    """

    slug: Slug
    detail: str
    invalid: Mapping[str, Sequence[Invalid]] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    retry_after: int | None = None
    replayed: bool = False

    def __post_init__(self) -> None:
        if len(self.invalid) > _MOST_TOLD:
            self.invalid = dict(islice(self.invalid.items(), _MOST_TOLD))

    def __str__(self) -> str:
        return f"{self.slug}: {self.detail}"

    @property
    def kind(self) -> ProblemType:
        """Return the catalogue row."""
        return CATALOGUE[self.slug]

    def members(self, *, instance: str, request_id: str, origin: str = "") -> dict[str, Any]:
        """Return the RFC 9457 object, equal on every surface; `origin` prefixes the type URI.

        `instance` is the path that was asked for, decoded; what no URI reference holds is escaped again.
        """
        document: dict[str, Any] = {
            "type": f"{origin}/problems/{self.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": _shortened(self.detail),
            "instance": quote(instance, safe=_IN_PATHS, errors="replace"),
            "code": str(self.slug),
            "request_id": request_id,
        }
        if self.invalid:
            document["errors"] = {name: [e.code for e in found] for name, found in self.invalid.items()}
            document["error_messages"] = {
                name: [e.message for e in found] for name, found in self.invalid.items()
            }
        if self.retry_after is not None:
            # Where a header cannot tell it, such as in a payload, nothing else tells a passing problem.
            document["retry_after"] = self.retry_after
        return document | dict(self.extensions)


def _shortened(detail: str) -> str:
    """Return a sentence without the middle of what was quoted in it, should that be very long."""
    half = _LONGEST_DETAIL // 2
    return detail if len(detail) <= _LONGEST_DETAIL else f"{detail[:half]}…{detail[-half:]}"


def bad_request(detail: str) -> Problem:
    """Return the 400 whose `detail` names the offending thing."""
    return Problem(Slug.BAD_REQUEST, detail)


def not_found(detail: str = "No such resource exists in this workspace.") -> Problem:
    """Return the 404, the same whether a row is absent, deleted or another workspace's (C-17)."""
    return Problem(Slug.NOT_FOUND, detail)


def insufficient_scope(required: str, held: Sequence[str]) -> Problem:
    """Return the 403 that names the missing scope and the scopes held (S3-079)."""
    return Problem(
        Slug.INSUFFICIENT_SCOPE,
        "Token does not have the required scope.",
        extensions={"required_scope": required, "token_scopes": sorted(held)},
    )


def invalid_token(detail: str = "The token is missing, malformed, unknown, expired or revoked.") -> Problem:
    """Return the 401."""
    return Problem(Slug.INVALID_TOKEN, detail)


def internal_error(request_id: str) -> Problem:
    """Return the 500 that tells nothing but the id under which the log holds the details."""
    detail = f"The server failed unexpectedly; quote {request_id} when you report it."
    return Problem(Slug.INTERNAL_ERROR, detail)


def conflict(detail: str, *, retry_after: int | None = None) -> Problem:
    """Return the 409 whose `detail` tells which state forbids what."""
    return Problem(Slug.CONFLICT, detail, retry_after=retry_after)


def validation_failed(
    invalid: Mapping[str, Sequence[Invalid]], extensions: Mapping[str, Any] | None = None
) -> Problem:
    """Return the 422 that names every invalid field (S3-261, S3-267)."""
    count = len(invalid)
    detail = f"{count} fields have validation errors." if count > 1 else f"{next(iter(invalid))} is invalid."
    return Problem(Slug.VALIDATION_FAILED, detail, invalid, extensions or {})
