"""What commands have in common: the settings, and failures that operators can mend, told in a sentence."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from pydantic import ValidationError

from diptych.settings import Settings


def settings() -> Settings:
    """Return the settings; the sentence on what is wrong with them ends the command."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        said = wrong["msg"].removeprefix("Value error, ")
        if wrong["loc"]:
            said = f"DIPTYCH_{wrong['loc'][0]}".upper() + f": {said}"
        raise click.ClickException(f"{said}.") from None


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the failures that operators can mend into one sentence and exit code 1."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        from db.bulk import BulkFailed
        from db.embedded import EngineError
        from db.migrate import MigrationFailed
        from db.provision import ProvisioningFailed
        from services.engine.verify import VerificationFailed

        try:
            command(*arguments, **options)
        except (BulkFailed, EngineError, MigrationFailed, ProvisioningFailed, VerificationFailed) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from error

    return run
