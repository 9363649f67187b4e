"""The generators of REST clients."""

from tests.sdks.sdk import HERE, Sdk

_FOLDER = HERE / "rest"

SDKS: tuple[Sdk, ...] = (
    Sdk(
        "openapi-python-client",
        "openapi-python-client",
        _FOLDER / "openapi_python_client",
        generate=(
            (
                "openapi-python-client",
                "generate",
                "--path",
                "openapi.json",
                "--meta",
                "none",
                "--output-path",
                "generated",
                "--overwrite",
                "--fail-on-warning",
            ),
        ),
        check=(("mypy", "--strict", "generated", "story.py"),),
        run=(("python", "story.py"),),
    ),
)
