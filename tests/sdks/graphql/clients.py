"""The generators of GraphQL clients."""

from tests.sdks.sdk import HERE, Sdk

_FOLDER = HERE / "graphql"
_RELAY = "*.ts,generated/*.ts"


def _codegen(library: str) -> Sdk:
    """Return the client preset of GraphQL Code Generator, whose documents that library asks and caches."""
    return Sdk(
        f"graphql-codegen-{library}",
        "@graphql-codegen/client-preset",
        _FOLDER / "codegen",
        generate=(("graphql-codegen", "--config", "codegen.ts"),),
        check=(("tsc",),),
        run=(("node", f"compiled/{library}.js"),),
    )


SDKS: tuple[Sdk, ...] = (
    _codegen("urql"),
    _codegen("apollo"),
    Sdk(
        "relay",
        "relay-compiler",
        _FOLDER / "relay",
        # The compiler wants the folder to be there.
        generate=(("mkdir", "-p", "generated"), ("relay-compiler",), ("relay-compiler", "--validate")),
        check=(("tsc",), ("babel", ".", "--extensions", ".ts", "--only", _RELAY, "--out-dir", "compiled")),
        run=(("node", "compiled/story.js"),),
    ),
    Sdk(
        "ariadne-codegen",
        "ariadne-codegen",
        _FOLDER / "ariadne",
        generate=(("ariadne-codegen",),),
        check=(("mypy", "generated", "story.py"),),
        run=(("python", "story.py"),),
    ),
)
