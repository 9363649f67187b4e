"""`diptych doctor`: every finding with its remedy, on real databases, folders and servers."""

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from db import embedded, migrate
from db.inspecting import Facts, inspect
from db.walls import ROLE, Rls
from diptych import doctor
from diptych.cli import main
from diptych.doctor import Finding, Level
from diptych.settings import Settings

KEY = "0123456789abcdef0123456789abcdef"
SOUND = {
    "env": "prod",
    "secret_key": KEY,
    "trusted_proxies": "10.0.0.1",
    "public_url": "https://api.example.com",
    "cors_origins": "https://shop.example",
    "host": "0.0.0.0",
}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{**SOUND, **changes})


def judged(facts: Facts, **changes: Any) -> list[Finding]:
    return list(doctor.database(settings(**changes), facts, workers=1))


def inspected(database: str, rls: Rls = Rls.WRITES) -> Facts:
    """Return the facts of a database as if its server were durable, which that of the tests is not."""
    return dataclasses.replace(inspect(database, rls), durable=True)


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    assert found[0].sentence.endswith(".")
    assert found[0].remedy.endswith(".")
    return found[0]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the embedded database can use, with nothing in it."""
    made = Path(tempfile.mkdtemp(prefix="diptych-doctor-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def sound() -> Iterator[Path]:
    """A folder with a migrated, durable database."""
    made = Path(tempfile.mkdtemp(prefix="diptych-doctor-"))
    made.chmod(0o755)
    with embedded.start(made) as server:
        migrate.upgrade(server.dsn())
    yield made
    shutil.rmtree(made)


@pytest.fixture
def facts(database: str) -> Facts:
    return inspected(database)


# A sound installation


def test_a_sound_installation_has_no_findings(sound: Path) -> None:
    assert doctor.examine(settings(data_dir=sound)) == []


def test_an_account_that_is_above_its_role(database: str, data_dir: Path) -> None:
    problem, advice = doctor.examine(settings(database_url=database, data_dir=data_dir))

    assert problem.sentence.startswith("fsync or full_page_writes is off")
    assert (problem.level, advice.level) == (Level.PROBLEM, Level.ADVICE)
    assert "is a superuser" in advice.sentence


def test_nothing_is_changed_by_looking(empty_database: str, data_dir: Path) -> None:
    doctor.examine(settings(database_url=empty_database, data_dir=data_dir / "none"))

    assert not (data_dir / "none").exists()
    with psycopg.connect(empty_database) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert tables.fetchone() == (0,)


# The database


def test_one_that_does_not_answer_is_told_of_once(data_dir: Path) -> None:
    found = only(
        doctor.examine(settings(database_url="postgresql://u:hush@127.0.0.1:1/x", data_dir=data_dir))
    )

    assert (found.level, found.area) == (Level.PROBLEM, "database")
    assert "cannot be reached" in found.sentence
    assert "hush" not in found.sentence


def test_an_embedded_one_that_was_never_made_is_not_made(data_dir: Path) -> None:
    found = only(doctor.examine(settings(data_dir=data_dir)))

    assert found.level is Level.ADVICE
    assert "There is no database" in found.sentence
    assert list(data_dir.iterdir()) == []


def test_pending_missing_and_newer_migrations(database: str, empty_database: str, facts: Facts) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0007'")
    older = inspected(database)
    newer = dataclasses.replace(facts, revision="9999")
    none = inspected(empty_database)

    assert f"revision 0007, and this release needs {migrate.head()}" in only(judged(older)).sentence
    assert "newer than this release" in only(judged(newer)).sentence
    assert [each.area for each in judged(none)] == ["migrations"]
    assert "diptych migrate" in only(judged(none)).remedy


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("ALTER TABLE brands DISABLE ROW LEVEL SECURITY", "Row-level security is not forced on brands."),
        ("DROP POLICY workspace_insert ON tokens", "The table tokens lacks the policy workspace_insert."),
        (f"REVOKE INSERT ON orders FROM {ROLE}", f"The role {ROLE} lacks rights on orders."),
        (f"GRANT DELETE ON events TO {ROLE}", f"The role {ROLE} may DELETE rows of events."),
    ],
)
def test_holes_in_the_wall(database: str, damage: str, said: str) -> None:
    """Q-21."""
    with psycopg.connect(database) as connection:
        connection.execute(damage)

    found = only(judged(inspected(database)))

    assert (found.level, found.area, found.sentence) == (Level.PROBLEM, "walls", said)


def test_reads_that_should_be_guarded(database: str) -> None:
    found = judged(inspected(database, Rls.FULL), rls="full")

    assert {each.area for each in found} == {"walls"}
    assert "Reads of brands are not guarded." in [each.sentence for each in found]


def test_extensions_and_invalid_indexes(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_brands_name'::regclass"
        )
        connection.execute("ALTER TABLE brands ADD CONSTRAINT late CHECK (name <> 'x') NOT VALID")
    found = judged(inspected(database))
    assert [each.sentence.partition(" ")[0] for each in found] == ["brands.late", "ix_brands_name"]

    with psycopg.connect(database) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = true")
        connection.execute("ALTER TABLE brands DROP CONSTRAINT late")
        connection.execute("DROP EXTENSION pg_trgm CASCADE")
    found = judged(inspected(database))
    assert "CREATE EXTENSION pg_trgm" in only(found).remedy


def test_more_connections_than_the_database_allows(facts: Facts) -> None:
    most = facts.connections // 2

    assert list(doctor.database(settings(database_connections=most), facts, 1)) == []
    assert list(doctor.database(settings(database_connections=most // 2), facts, 2)) == []
    found = only(list(doctor.database(settings(database_connections=most // 2 + 1), facts, 2)))
    assert f"only {facts.connections} are allowed" in found.sentence


def test_clocks_that_differ(facts: Facts) -> None:
    assert abs(facts.skew) < 1
    ahead = only(judged(dataclasses.replace(facts, skew=7.4)))
    behind = only(judged(dataclasses.replace(facts, skew=-3.0)))

    assert "7 seconds ahead of" in ahead.sentence
    assert "3 seconds behind" in behind.sentence
    assert judged(dataclasses.replace(facts, skew=1.9)) == []


@pytest.mark.parametrize(
    ("changes", "said", "level"),
    [
        ({"version": 140_012, "version_text": "14.12"}, "PostgreSQL 14.12 is too old", Level.PROBLEM),
        ({"version": 150_004, "version_text": "15.4"}, "CVE-2025-8713", Level.ADVICE),
        ({"version": 170_005, "version_text": "17.5"}, "CVE-2025-8713", Level.ADVICE),
        ({"encoding": "SQL_ASCII"}, "encoding is SQL_ASCII", Level.PROBLEM),
        ({"durable": False}, "fsync or full_page_writes is off", Level.PROBLEM),
    ],
)
def test_servers_that_will_not_do(facts: Facts, changes: dict[str, Any], said: str, level: Level) -> None:
    found = only(judged(dataclasses.replace(facts, **changes)))

    assert said in found.sentence
    assert found.level is level
    for mended in (150_014, 160_010, 170_006, 180_000):
        assert judged(dataclasses.replace(facts, version=mended)) == []


# The machine


def test_an_old_python() -> None:
    assert list(doctor.python((3, 11))) == list(doctor.python((3, 13))) == []
    assert "Python 3.10 is too old" in only(list(doctor.python((3, 10)))).sentence


def test_files_that_others_may_touch(data_dir: Path) -> None:
    secret = data_dir / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    assert list(doctor.folder(data_dir)) == []

    secret.chmod(0o640)
    assert f"Others may read {secret}." == only(list(doctor.folder(data_dir))).sentence
    secret.chmod(0o600)
    data_dir.chmod(0o777)
    assert f"Run chmod go-w {data_dir}." == only(list(doctor.folder(data_dir))).remedy


def test_a_disk_without_room(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LEAST_FREE_BYTES", shutil.disk_usage(data_dir).total + 1)

    assert "MB left" in only(list(doctor.folder(data_dir))).sentence


def test_a_redis_that_does_not_answer() -> None:
    url = "redis://:hush@127.0.0.1:1/0"

    found = only(list(doctor.redis(settings(redis_url=url))))

    assert found.sentence.startswith("Redis does not answer: ")
    assert "hush" not in found.sentence
    assert list(doctor.redis(settings())) == []


# The settings


@pytest.mark.parametrize(
    ("changes", "said", "level"),
    [
        ({"secret_key": "abababababababababababababababab"}, "few different characters", Level.PROBLEM),
        ({"require_https": False}, "Tokens may come unencrypted", Level.PROBLEM),
        ({"trusted_proxies": ""}, "no proxy is trusted", Level.PROBLEM),
        (
            {"trusted_proxies": "", "require_https": True, "env": "dev", "host": "::1", "public_url": ""},
            "no proxy is trusted",
            Level.PROBLEM,
        ),
        ({"trusted_proxies": "0.0.0.0/0"}, "trusts everybody (0.0.0.0/0)", Level.PROBLEM),
        ({"trusted_proxies": "::/0"}, "trusts everybody (::/0)", Level.PROBLEM),
        ({"cors_origins": "http://shop.example"}, "http://shop.example", Level.PROBLEM),
        ({"public_url": ""}, "no https:// address", Level.ADVICE),
        ({"rls": "off"}, "DIPTYCH_RLS=off", Level.PROBLEM),
        ({"limits": "off"}, "DIPTYCH_LIMITS=off", Level.PROBLEM),
        ({"rls": "off", "env": "dev", "host": "::1", "public_url": ""}, "DIPTYCH_RLS=off", Level.ADVICE),
        ({"env": "dev", "public_url": ""}, "open to others (0.0.0.0)", Level.ADVICE),
        (
            {"env": "test", "host": "api.example", "public_url": ""},
            "open to others (api.example)",
            Level.ADVICE,
        ),
        ({"env": "dev", "host": "127.0.0.1"}, "open to others (https://api.example.com)", Level.PROBLEM),
    ],
)
def test_weak_settings(changes: dict[str, Any], said: str, level: Level) -> None:
    found = only(list(doctor.configuration(settings(**changes))))

    assert said in found.sentence
    assert found.level is level


def test_sound_settings_are_left_alone() -> None:
    assert list(doctor.configuration(settings())) == []
    assert list(doctor.configuration(Settings(_env_file=None))) == []


# The command


def test_the_command_tells_by_its_exit_code(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sound)
    environment = {"DIPTYCH_ENV": "test", "DIPTYCH_DATA_DIR": str(sound)}
    run = CliRunner().invoke

    well = run(main, ["doctor"], env=environment)
    array = run(main, ["doctor", "--json"], env=environment)
    advised = run(main, ["doctor"], env={**environment, "DIPTYCH_HOST": "0.0.0.0"})
    crowded = run(main, ["doctor", "--workers", "64", "--json"], env=environment)

    assert (well.exit_code, well.output) == (0, "Nothing is wrong.\n")
    assert (array.exit_code, array.output) == (0, "[]\n")
    assert advised.exit_code == 0
    assert advised.output.startswith("ADVICE   settings: The server is open to others (0.0.0.0)")
    assert crowded.exit_code == 1
    (found,) = json.loads(crowded.output)
    assert found["level"] == "problem"
    assert set(found) == {"level", "area", "sentence", "remedy"}


def test_secrets_are_rotated_at_the_command_line(database: str, data_dir: Path) -> None:
    environment = {"DIPTYCH_DATABASE_URL": database, "DIPTYCH_ENV": "test", "DIPTYCH_DATA_DIR": str(data_dir)}

    done = CliRunner().invoke(main, ["rotate-secrets"], env=environment)

    assert (done.exit_code, done.output) == (0, "0 secrets were encrypted anew.\n")
