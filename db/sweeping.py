"""Sweeping: what has expired is deleted, in whichever workspace it is, by one process at a time."""

from db.driver import Driver, Session, Statement
from db.execute import BEGIN, COMMIT
from db.queries import idempotency, login_attempts
from db.walls import OPERATOR_SETTING

# It is held until the end of a transaction and not of a session, since a pooler may lend sessions around.
_LOCK = Statement(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('diptych sweep', 0)),"
    f" set_config('{OPERATOR_SETTING}', 'on', true)"
)
_SWEEPS = (idempotency.SWEEP, login_attempts.SWEEP)


async def sweep(driver: Driver) -> int:
    """Delete expired idempotency records, and guesses that count no more, in batches; return how many.

    None are if another one is at it. Raises DatabaseError; the batches before it are gone for good.
    """
    swept = 0
    async with driver.sessions.lease() as session:
        for statement in _SWEEPS:
            while deleted := await _batch(session, statement):
                swept += deleted
    return swept


async def _batch(session: Session, statement: Statement) -> int:
    _, locked = await session.run([(BEGIN, ()), (_LOCK, ())])
    if locked[0][0] != b"t":
        await session.run([(COMMIT, ())])
        return 0
    deleted, _ = await session.run([(statement, ()), (COMMIT, ())])
    return len(deleted)
