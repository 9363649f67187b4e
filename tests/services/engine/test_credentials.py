"""Credentials: one token, from whichever header or cookie, and never two."""

from collections.abc import Sequence

import pytest

from services.engine.credentials import COOKIE, cookie, presented
from services.engine.errors import Problem, Slug
from services.engine.procedures import Credential

ONE = f"dip_test_{'a' * 88}"
TWO = f"dip_prod_{'b' * 88}"


def refusal(
    authorization: Sequence[bytes] = (), api_key: Sequence[bytes] = (), cookies: bytes | None = None
) -> tuple[Slug, str]:
    with pytest.raises(Problem) as found:
        presented(authorization, api_key, cookies)
    return found.value.slug, found.value.detail


def bearer(text: str, scheme: str = "Bearer") -> list[bytes]:
    return [f"{scheme} {text}".encode()]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_is_found(scheme: str) -> None:
    assert presented(bearer(ONE, scheme), []) == ONE


def test_a_token_is_found_in_either_header_and_in_both() -> None:
    """C-02."""
    assert presented([], [ONE.encode()]) == ONE
    assert presented(bearer(ONE), [ONE.encode()]) == ONE


def test_nothing_is_no_token() -> None:
    assert refusal() == (Slug.INVALID_TOKEN, "The request carries no token.")
    assert refusal(cookies=b"") == (Slug.INVALID_TOKEN, "The request carries no token.")


@pytest.mark.parametrize("value", [b"Basic abc", b"Bearer", b"", b"Bearer\tabc", b" Bearer abc", b"Token a"])
def test_what_is_no_bearer_token_is_refused(value: bytes) -> None:
    if value == b"Bearer":
        assert presented([value], []) == ""
    else:
        assert refusal([value]) == (Slug.INVALID_TOKEN, "Authorization must be a Bearer token.")


def test_two_values_of_one_header_are_too_many_even_if_equal() -> None:
    expected = (Slug.INVALID_TOKEN, "The request carries more than one token.")
    assert refusal(bearer(ONE) * 2) == expected
    assert refusal([], [ONE.encode()] * 2) == expected


def test_two_headers_must_agree() -> None:
    expected = (Slug.BAD_REQUEST, "Authorization and X-API-Key carry different tokens.")
    assert refusal(bearer(ONE), [TWO.encode()]) == expected
    assert refusal(bearer(ONE), [TWO.encode()], f"{COOKIE}={ONE}".encode()) == expected


def test_what_follows_the_scheme_is_the_token_spaces_included() -> None:
    assert presented([b"Bearer a b"], []) == "a b"


@pytest.mark.parametrize("length", [512, 513])
def test_a_token_has_512_bytes_at_most(length: int) -> None:
    text = "x" * length
    for headers in ((bearer(text), []), ([], [text.encode()])):
        if length == 512:
            assert presented(*headers) == text
        else:
            assert refusal(*headers) == (Slug.INVALID_TOKEN, "The token is malformed.")


def test_a_token_is_plain_text() -> None:
    expected = (Slug.INVALID_TOKEN, "The token is malformed.")
    assert refusal([b"Bearer caf\xc3\xa9"]) == expected
    assert refusal([], [b"\xff"]) == expected


# Cookies


@pytest.mark.parametrize(
    "cookies",
    [
        f"access_token={ONE}",
        f"sessionid={ONE}",
        f"a=b; access_token={ONE}; c=d",
        f"a=b;access_token={ONE};c=d",
        f"sessionid={TWO}; access_token={ONE}",
        f"access_token=something-else; sessionid={ONE}",
        f"access_token=; access_token={ONE}",
        f"access_token={ONE}; access_token={ONE}",
    ],
)
def test_a_session_is_found_in_its_cookie(cookies: str) -> None:
    assert presented([], [], cookies.encode()) == ONE
    assert presented(bearer(ONE), [ONE.encode()], cookies.encode()) == ONE


@pytest.mark.parametrize(
    "value",
    [
        "theme=dark",
        f"token={ONE}",
        f"Access_Token={ONE}",
        f"access_token={ONE}0",
        f"access_token={ONE[:-1]}",
        f"access_token={ONE.upper()}",
        f"access_token={ONE.replace('_test_', '_live_')}",
        f'access_token="{ONE}"',
        f"access_token= {ONE}",
        f"access_token {ONE}",
        f"access_token,{ONE}",
        f"a=access_token={ONE}",
    ],
)
def test_cookies_of_others_are_no_tokens(value: str) -> None:
    assert refusal(cookies=value.encode())[1] == "The request carries no token."
    assert presented(bearer(TWO), [], value.encode()) == TWO


def test_a_cookie_must_agree_with_the_headers() -> None:
    expected = (Slug.BAD_REQUEST, "The cookie carries another token than the rest of the request.")
    assert refusal(bearer(ONE), [], f"access_token={TWO}".encode()) == expected
    assert refusal([], [ONE.encode()], f"sessionid={TWO}".encode()) == expected
    assert refusal([], [], f"access_token={ONE}; access_token={TWO}".encode()) == expected


def test_a_session_is_kept_where_no_script_and_no_other_site_reaches_it() -> None:
    """RFC 6265."""
    kept = b"access_token=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"
    assert cookie(Credential("abc", 60), secure=False) == kept
    assert cookie(Credential("abc", 60), secure=True) == kept + b"; Secure"


def test_an_empty_credential_takes_the_cookie_away() -> None:
    gone = b"access_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    assert cookie(Credential("", 60), secure=False) == gone
