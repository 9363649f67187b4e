"""Wall 2 as connections live it: the role they take, and the workspace that each transaction names.

The policies themselves are in `db.policies`. They let the role write rows of the named workspace alone, so
that a statement whose fence is missing changes nothing of anybody else's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from db.calls import Preface, Statement

ROLE = "diptych_app"
"""Owns nothing, may not log in, and obeys every policy; what serves requests becomes it."""

OPERATOR_SETTING = "diptych.operator"
"""Lets an operator's connection write in any workspace; the role above is never believed."""

_WORKSPACE = "set_config('diptych.workspace', $1, true)"
_ROLE = f"set_config('role', '{ROLE}', true)"

_NAME = Statement(f"SELECT {_WORKSPACE}")
_BECOME_AND_NAME = Statement(f"SELECT {_ROLE}, {_WORKSPACE}")
_LOOK_AROUND = Statement("SELECT set_config('diptych.across', 'on', true)")
_BECOME_AND_LOOK_AROUND = Statement(f"SELECT {_ROLE}, set_config('diptych.across', 'on', true)")
_LOOK_AWAY = Statement("SELECT set_config('diptych.across', '', true)")


class Rls(StrEnum):
    """What row-level security guards: nothing beyond the owner's rights, writes, or reads as well."""

    OFF = "off"
    WRITES = "writes"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Wall:
    """How the connections of one server stand behind the policies; `pooled` ones keep nothing for long."""

    rls: Rls = Rls.WRITES
    pooled: bool = False

    @property
    def session_options(self) -> dict[str, str]:
        """Return the settings that a connection takes when it starts.

        A pooler lends one connection to many, so behind it the role is taken by each transaction.
        """
        return {} if self.rls is Rls.OFF or self.pooled else {"role": ROLE}

    def opening(self, workspace: bytes) -> Preface:
        """Return what follows BEGIN: the workspace that this transaction may write in.

        It ends with the transaction, and no rollback to a savepoint made later undoes it.
        """
        return self._naming, (workspace,)

    def before(self, statement: Statement, parameters: Sequence[bytes | None]) -> Preface | None:
        """Return what must go ahead of a single read, in its own implicit transaction, if anything."""
        if self.rls is not Rls.FULL:
            return None
        if statement.across:
            return (_BECOME_AND_LOOK_AROUND if self.pooled else _LOOK_AROUND), ()
        if statement.workspace is None:
            return None
        return self._naming, (parameters[statement.workspace],)

    def around(self, statement: Statement) -> tuple[Preface, Preface] | None:
        """Return what must go ahead of and behind a statement within a transaction, if anything."""
        if self.rls is not Rls.FULL or not statement.across:
            return None
        return (_LOOK_AROUND, ()), (_LOOK_AWAY, ())

    @property
    def _naming(self) -> Statement:
        return _BECOME_AND_NAME if self.pooled and self.rls is not Rls.OFF else _NAME
