"""The running parts of one process: database, engine and reader, made from settings."""

import asyncio
from dataclasses import dataclass, replace

from db.driver import Driver
from db.execute import Database
from db.migrate import conninfo
from db.walls import Rls, Wall
from diptych.settings import Settings
from rest.http import BASE
from services import tokens
from services.engine.authenticate import Authenticator
from services.engine.catalog import Catalog
from services.engine.cursor import CursorCodec
from services.engine.deployment import Deployment, JudgeOperation
from services.engine.deployment import derived as derived
from services.engine.dispatch import Writer
from services.engine.limiter import Limited, Limiter, Unlimited
from services.engine.limits import ProcessStore, policy
from services.engine.metering import Meter, spending
from services.engine.read import Reader
from services.engine.tallying import Tally, adding


@dataclass(frozen=True, slots=True)
class Runtime:
    """What requests are answered with."""

    driver: Driver
    authenticator: Authenticator
    reader: Reader
    writer: Writer
    limiter: Limiter
    database: Database
    tally: Tally

    async def meter(self, pause: float) -> None:
        """Write down what workspaces have spent and used every `pause` seconds, or never if that is 0.

        When this is cancelled, what is left is written too.
        """
        if not pause:
            return
        spent = Meter(self.limiter.usage, spending, self.database, "what was spent")
        used = Meter(self.tally, adding, self.database, "who used what is deprecated")
        try:
            await asyncio.gather(spent.keep_writing(pause), used.keep_writing(pause))
        finally:
            ends = await asyncio.gather(spent.finish(), used.finish(), return_exceptions=True)
            for failure in ends:
                if failure is not None:
                    raise failure

    async def note_uses(self, pause: float) -> None:
        """Write down which tokens were used every `pause` seconds, or never if that is 0."""
        if pause:
            await self.authenticator.uses.keep_writing(self.database, pause)


def deployment(settings: Settings, judge: JudgeOperation | None = None) -> Deployment:
    """Return what rules are told of the settings, and what judges GraphQL documents for them."""
    told = Deployment(
        str(settings.env),
        settings.key,
        settings.previous_keys,
        int(settings.session_idle_hours * 3_600),
        int(settings.session_days * 86_400),
        settings.upgrade_url or f"{settings.public_url}/upgrade",
    )
    return told if judge is None else replace(told, judge_operation=judge)


def precheck_key(settings: Settings) -> bytes:
    """Return the key of the tokens' precheck."""
    return tokens.precheck_key(deployment(settings))


def build(
    settings: Settings, database_url: str, catalog: Catalog, judge: JudgeOperation | None = None
) -> Runtime:
    """Return the parts that serve `catalog` from the database at `database_url`; nothing connects yet.

    `judge` says of GraphQL documents what they hold.
    """
    pooled = settings.database_pooler == "transaction"
    wall = Wall(settings.rls, pooled)
    driver = Driver(
        conninfo(database_url),
        size=settings.database_connections,
        prepare=not pooled,
        startup_options=not pooled,
        session_options=wall.session_options,
        before=wall.before if wall.rls is Rls.FULL else None,
    )
    told = deployment(settings, judge)
    prechecked, *earlier = tokens.precheck_keys(told)
    cursors, *earlier_cursors = told.every("cursors")
    authenticator = Authenticator(
        driver,
        lookup_key=lambda raw: tokens.lookup_key(raw, settings.env),
        precheck=lambda raw: tokens.precheck(raw, prechecked),
        verify=tokens.verify,
        earlier=lambda raw: [tokens.precheck(raw, key) for key in earlier],
    )
    codec = CursorCodec(cursors, settings.cursor_days, tuple(earlier_cursors))
    database, limiter = Database(driver, codec.key, wall), limiter_of(settings)
    reader = Reader(catalog, database, authenticator, codec, limiter)
    writer = Writer(
        catalog,
        database,
        authenticator,
        limiter,
        base=BASE,
        deployment=told,
        origin=settings.public_url,
    )
    return Runtime(driver, authenticator, reader, writer, limiter, database, Tally())


def limiter_of(settings: Settings) -> Limiter:
    """Return the limiter that settings describe: none, or one that counts in this process or in a Redis."""
    if settings.limits == "off":
        return Unlimited()
    addresses = policy(settings.address_limit)
    if settings.redis_url is None:
        return Limited(ProcessStore(), ProcessStore(), addresses)
    # Loading its client takes as long as all the rest, and few servers need it.
    from db.redis_limits import RedisStore

    store = RedisStore(settings.redis_url.get_secret_value())
    return Limited(store, store, addresses)
