"""The generators of REST clients."""

import shlex

from tests.sdks.sdk import HERE, Command, Sdk

_FOLDER = HERE / "rest"
_NOTHING: frozenset[str] = frozenset()


def _words(*commands: str) -> tuple[Command, ...]:
    return tuple(tuple(shlex.split(each)) for each in commands)


def _python(name: str, tool: str, generate: str, check: str, generated: str = "generated") -> Sdk:
    source = _FOLDER / name.replace("-", "_")
    return Sdk(
        name, tool, source, _words(generate), _words(check), _words("python story.py"), generated, _NOTHING
    )


def _typescript(name: str, tool: str, generate: str, lacks: frozenset[str] = _NOTHING) -> Sdk:
    source = _FOLDER / name.replace("-", "_")
    run = _words("tsx story.ts")
    return Sdk(name, tool, source, _words(generate), _words("tsc"), run, lacks=lacks)


SDKS: tuple[Sdk, ...] = (
    _python(
        "openapi-generator-python",
        "openapi-generator-cli",
        "openapi-generator-cli generate --input-spec openapi.json --generator-name python"
        " --additional-properties packageName=generated,generateSourceCodeOnly=true",
        "mypy generated story.py",
    ),
    _python(
        "openapi-python-client",
        "openapi-python-client",
        "openapi-python-client generate --path openapi.json --meta none --output-path generated"
        " --overwrite --fail-on-warning",
        "mypy generated story.py",
    ),
    _python(
        "datamodel-code-generator",
        "datamodel-code-generator",
        "datamodel-codegen --input openapi.json --input-file-type openapi --output generated.py"
        " --output-model-type pydantic_v2.BaseModel --target-python-version 3.11"
        " --openapi-scopes schemas paths parameters --use-operation-id-as-name --use-annotated"
        " --enum-field-as-literal one --set-default-enum-member --capitalise-enum-members"
        " --allow-population-by-field-name --formatters builtin --disable-warnings",
        "mypy generated.py story.py",
        "generated.py",
    ),
    _typescript(
        "openapi-typescript",
        "openapi-typescript",
        "openapi-typescript openapi.json --output generated/api.ts",
    ),
    _typescript("hey-api", "@hey-api/openapi-ts", "openapi-ts"),
    _typescript("orval", "orval", "orval"),
    _typescript(
        "openapi-generator-typescript",
        "openapi-generator-cli",
        "openapi-generator-cli generate --input-spec openapi.json --generator-name typescript-fetch"
        " --output generated",
        # It knows no union but `oneOf`, and a code may be both: a known one, and a text.
        frozenset({"FaultCode"}),
    ),
)
