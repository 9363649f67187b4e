"""The limiter: charges tokens and client addresses, and counts what each workspace has used."""

import time
from collections import Counter
from typing import Protocol

from services.engine.context import Caller
from services.engine.limits import Left, Policy, Standing, Store, address_key


class Usage:
    """The points taken per workspace, until somebody drains them into where they are kept."""

    def __init__(self) -> None:
        self._points: Counter[str] = Counter()

    def add(self, workspace_id: str, points: int) -> None:
        """Count the points of one charge, negative ones if they were given back."""
        self._points[workspace_id] += points

    def drain(self) -> dict[str, int]:
        """Return the points per workspace since the last time, and begin anew.

        What came back of points drained before is set off against those to come.
        """
        taken = self._points
        self._points = Counter({key: points for key, points in taken.items() if points < 0})
        return {key: points for key, points in taken.items() if points > 0}


class Visitor(Protocol):
    """A request without a token: its client's address, and what that has left once it was charged."""

    standing: Standing | None

    @property
    def client(self) -> str:
        """Return the address."""


class Limiter(Protocol):
    """Charges tokens for what plans cost, and client addresses for requests without a token."""

    usage: Usage

    async def charge(self, caller: Caller, cost: int, held: int = 0) -> None:
        """Take `cost` points of the caller's; raises the 429 problem when they are not there.

        Up to `held` of them may be given back.
        """

    def refund(self, caller: Caller, points: int) -> None:
        """Give back points that the caller was charged, at most those held; nobody waits for it."""

    async def look(self, caller: Caller) -> Standing | None:
        """Return what the caller has left, without taking any; None where nothing is limited."""

    async def charge_visitor(self, visitor: Visitor, cost: int = 1) -> None:
        """Take `cost` points of a client address; raises the 429 problem when they are not there."""

    @property
    def lost(self) -> bool | None:
        """Tell whether limits cannot be counted for the moment; None where they need nobody else."""

    async def open(self) -> None:
        """Get ready, so that no request waits for it."""

    async def close(self) -> None:
        """End what is held open."""


class Unlimited:
    """The limiter of a server without limits, which still counts what is used."""

    lost = None

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()

    async def charge(self, caller: Caller, cost: int, held: int = 0) -> None:
        """Take nothing."""
        caller.asked, caller.taken = cost, (caller.taken or 0) + cost
        caller.held += held
        self.usage.add(caller.principal.workspace_id, cost)

    def refund(self, caller: Caller, points: int) -> None:
        """Count the points as unused."""
        self.usage.add(caller.principal.workspace_id, -_returned(caller, points))

    async def look(self, caller: Caller) -> Standing | None:
        """Return None."""
        caller.taken = caller.taken or 0
        return None

    async def charge_visitor(self, visitor: Visitor, cost: int = 1) -> None:
        """Take nothing."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class Limited:
    """The limiter over a store of tokens' budgets and one of client addresses'."""

    def __init__(
        self, tokens: Store, addresses: Store, of_addresses: Policy, usage: Usage | None = None
    ) -> None:
        self._tokens, self._addresses, self._of_addresses = tokens, addresses, of_addresses
        self.usage = usage or Usage()

    @property
    def lost(self) -> bool | None:
        """Tell whether the store is lost; None where it is this process's own memory."""
        return self._tokens.lost

    async def charge(self, caller: Caller, cost: int, held: int = 0) -> None:
        """Take `cost` points of the caller's; raises the 429 problem when they are not there."""
        principal = caller.principal
        policy = principal.policy
        caller.asked, caller.taken = cost, caller.taken or 0
        account = caller.account
        account.charges += 1
        number, since = account.charges, account.returned
        taken = await self._tokens.take(principal.token_id, policy.rates, cost)
        caller.left = None if taken is None else Left(policy, taken, account, since)
        if caller.left is not None:
            account.note(number, caller.left)
        if taken is not None and taken.wait:
            raise policy.exceeded(policy.standing(taken), time.time())
        caller.taken += cost
        caller.held += held
        self.usage.add(principal.workspace_id, cost)

    def refund(self, caller: Caller, points: int) -> None:
        """Give back points that the caller was charged; they are there again for the next request."""
        points, left = _returned(caller, points), caller.left
        if not points:
            return
        self.usage.add(caller.principal.workspace_id, -points)
        if left is not None:
            caller.account.returned += points
            self._tokens.give(caller.principal.token_id, left.policy.rates, points)

    async def look(self, caller: Caller) -> Standing | None:
        """Return what the caller has left, without taking any; None while the store is lost."""
        policy = caller.principal.policy
        caller.taken = caller.taken or 0
        taken = await self._tokens.take(caller.principal.token_id, policy.rates, 0)
        caller.left = None if taken is None else Left(policy, taken)
        return caller.standing

    async def charge_visitor(self, visitor: Visitor, cost: int = 1) -> None:
        """Take `cost` points of a client address; raises the 429 problem when they are not there."""
        policy = self._of_addresses
        taken = await self._addresses.take(address_key(visitor.client), policy.rates, cost)
        if taken is None:
            visitor.standing = None
            return
        visitor.standing = policy.standing(taken)
        if taken.wait:
            raise policy.exceeded(visitor.standing, time.time())

    async def open(self) -> None:
        """Open both stores."""
        await self._tokens.open()
        await self._addresses.open()

    async def close(self) -> None:
        """Close both stores."""
        await self._tokens.close()
        await self._addresses.close()


def _returned(caller: Caller, points: int) -> int:
    """Note points as given back, no more than the caller has held, and return how many they are."""
    points = min(points, caller.held)
    caller.held, caller.returned = caller.held - points, caller.returned + points
    return points
