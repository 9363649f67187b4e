"""The refusal of a whole import, as opposed to the rejection of single rows."""


class ImportRefused(Exception):
    """The import cannot start or go on; the message is a sentence that says what to do."""
