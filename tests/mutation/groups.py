"""Which modules are mutated, and which tests have to notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Modules, and the tests tried on each of their mutants.

    `shared` says that all of its mutants may use one PostgreSQL with one migrated database, since none of
    them changes what stands there.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    shared: bool = True


GROUPS = {
    "limits": Group(
        ("services/engine/limits.py", "services/engine/limiter.py", "services/engine/pricing.py"),
        (
            "tests/services/engine/test_limits.py",
            "tests/services/engine/test_limiter.py",
            "tests/services/engine/test_plan.py",
        ),
    ),
    "scopes": Group(
        ("services/engine/access.py", "services/roles.py"),
        ("tests/services/engine/test_access.py", "tests/services/test_roles.py"),
    ),
    "credentials": Group(
        ("services/engine/credentials.py", "services/tokens.py", "services/engine/secrets.py"),
        (
            "tests/services/engine/test_credentials.py",
            "tests/services/test_token_texts.py",
            "tests/services/engine/test_secrets.py",
        ),
    ),
    "tenancy": Group(("db/tenancy.py",), ("tests/db/test_tenancy.py", "tests/db/test_tenancy_links.py")),
    "authenticate": Group(
        ("services/engine/authenticate.py",),
        ("tests/services/engine/test_principals.py", "tests/services/engine/test_authenticate.py"),
    ),
    "tokens": Group(
        ("services/token_rules.py", "services/rotation.py"),
        (
            "tests/services/test_rotation.py",
            "tests/spec/test_tokens.py",
            "tests/spec/test_tokens_created.py",
            "tests/spec/test_tokens_revoked.py",
            "tests/spec/test_tokens_themselves.py",
        ),
    ),
    "walls": Group(
        ("db/guarding.py", "db/policies.py", "db/walls.py"), ("tests/db/test_policies.py",), shared=False
    ),
}
