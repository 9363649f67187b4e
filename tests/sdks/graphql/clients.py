"""The generators of GraphQL clients."""

from tests.sdks.sdk import Sdk

SDKS: tuple[Sdk, ...] = ()
