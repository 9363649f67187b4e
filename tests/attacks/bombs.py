"""Documents that were made to cost more than they weigh: a corpus of known kinds, and endless random ones."""

import random
from collections.abc import Iterator

LARGEST = 15_000


def nested(depth: int, name: str = "a") -> str:
    """Return fields within fields."""
    return "{" + name + ("{" + name) * (depth - 1) + "}" * depth


def fragment(name: str, body: str, on: str = "Query") -> str:
    """Return the definition of a fragment."""
    return f" fragment {name} on {on} {{ {body} }}"


def doubling(length: int, times: int = 2) -> str:
    """Return a chain of fragments, each of which spreads the next so many times."""
    links = (fragment(f"F{n}", " ".join([f"...F{n + 1}"] * times)) for n in range(length - 1))
    return "{ ...F0 }" + "".join(links) + fragment(f"F{length - 1}", "a")


def widening(length: int, width: int) -> str:
    """Return a chain of fragments that each spread the next from so many fields."""
    links = (
        fragment(f"F{n}", " ".join(f"x{m} {{ ...F{n + 1} }}" for m in range(width)))
        for n in range(length - 1)
    )
    return "{ ...F0 }" + "".join(links) + fragment(f"F{length - 1}", "a b c")


def corpus() -> Iterator[str]:
    """Yield documents of every known kind, most of them as large as one may be."""
    yield from (doubling(length, times) for length in (5, 21, 100, 300) for times in (2, 5, 20))
    yield from (widening(length, width) for length in (3, 9, 20) for width in (2, 8, 40))
    yield "{ ...A }" + fragment("A", "a { ...B }") + fragment("B", "b { ...A }")
    yield (
        "".join(fragment(f"F{n}", f"...F{n + 1}") for n in range(280))
        + fragment("F280", "...F0")
        + "{ ...F0 }"
    )
    yield "{" + " ".join(f"a{n}: brands {{ totalCount }}" for n in range(500)) + "}"
    yield "{" + "brands { totalCount } " * 600 + "}"
    yield "{ a(x: {" + " ".join("b: 1" for _ in range(240)) + "}) }"
    yield "{ a(x: {" + " ".join(f"b{n}: 1" for n in range(900)) + "}) }"
    yield "{ a(x: " + "[" * 7_000 + "]" * 7_000 + ") }"
    yield "{ a(x: " + "{b:" * 3_000 + "1" + "}" * 3_000 + ") }"
    yield "{ a " + "@skip(if: true) " * 900 + "}"
    yield "{ a(x: " + "1" * 14_000 + ") }"
    yield '{ a(x: "' + "\\u0041" * 2_400 + '") }'
    yield '{ a(x: """' + '\n  "x"' * 2_000 + '""") }'
    yield "#" + "x" * 14_000 + "\n{ a }"
    yield "," * 14_000 + "{ a }"
    yield nested(7_000)
    yield "{a" * 7_000
    yield "{" + "...{" * 3_700 + "a" + "}" * 3_700 + "}"
    yield "{" + "... on Query {" * 900 + "a" + "}" * 900 + "}"
    yield "query(" + " ".join(f"$v{n}: Int" for n in range(1_500)) + ") { a }"
    yield "query($v: " + "[" * 5_000 + "Int" + "]" * 5_000 + ") { a }"
    yield " ".join(f"query Q{n} {{ a }}" for n in range(900))
    yield "{ a }" + "".join(fragment(f"F{n}", "a") for n in range(500))
    yield (
        "{"
        + " ".join(f"f{n} {{ ...F }}" for n in range(40))
        + "}"
        + fragment("F", " ".join(map("x{}".format, range(800))))
    )
    yield (
        "{"
        + " ".join(f"f {{ ...F{n} }}" for n in range(25))
        + "}"
        + "".join(fragment(f"F{n}", " ".join(f"y{m}" for m in range(20))) for n in range(25))
    )
    yield "{ " + "a: b " * 25 + "c { " + "a: b " * 25 + "} }"
    yield "type A { " + " ".join(f"b{n}: Int" for n in range(1_000)) + " }"
    yield "\ufeff" * 14_000 + "{a}"
    yield "{ " + "\U0001f4a3" * 3_000 + " }"


class Maker:
    """Makes random documents from one seed: valid in form, and as tangled as their size allows."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._names = [f"{letter}{n}" for letter in "abc" for n in range(self._random.choice((1, 3, 12)))]
        self._fragments = self._random.choice((0, 1, 4, 15, 60))
        self._left = self._random.choice((5, 20, 80, 330))
        self._aliased, self._marked = self._random.choice((1.0, 0.97, 0.85)), self._random.choice((1.0, 0.9))

    def document(self) -> str:
        """Return one document of at most LARGEST characters."""
        parts = [f"{self._word()} {self._set(0)}"]
        parts += [f"fragment F{n} on {self._pick()} {self._set(0)}" for n in range(self._fragments)]
        return " ".join(parts)[:LARGEST]

    def _word(self) -> str:
        return self._random.choice(("query", "mutation", "query Q($v: [Int] = [1, 2] @a)", ""))

    def _pick(self) -> str:
        return self._random.choice(self._names)

    def _set(self, depth: int) -> str:
        self._left -= 1
        inner = [self._selection(depth) for _ in range(self._random.randint(1, 9))]
        return "{ " + " ".join(inner) + " }"

    def _selection(self, depth: int) -> str:
        self._left -= 1
        chance, deeper = self._random.random(), self._left > 0 and depth < 30
        if chance < 0.25 and self._fragments:
            return f"...F{self._random.randrange(self._fragments)}"
        if chance < 0.35 and deeper:
            return f"... on {self._pick()} {self._set(depth + 1)}"
        alias = f"{self._pick()}: " if chance > self._aliased else ""
        given = f"(x: {self._value(0)})" if chance > 0.75 else ""
        marked = " @skip(if: $v)" if chance > self._marked else ""
        return f"{alias}{self._pick()}{given}{marked}" + (
            f" {self._set(depth + 1)}" if deeper and chance > 0.5 else ""
        )

    def _value(self, depth: int) -> str:
        self._left -= 1
        kind = self._random.randrange(6) if depth < 12 and self._left > 0 else 0
        if kind == 4:
            return "[" + ", ".join(self._value(depth + 1) for _ in range(self._random.randint(0, 6))) + "]"
        if kind == 5:
            names = [self._pick() for _ in range(self._random.randint(0, 6))]
            return "{" + ", ".join(f"{name}: {self._value(depth + 1)}" for name in names) + "}"
        return self._random.choice(("1", "-1.5e9", '"x"', "null", "$v", "ENUM", "true"))


def fuzzed(count: int, seed: int = 1) -> Iterator[str]:
    """Yield so many random documents, the same for the same seed."""
    return (Maker(seed * 1_000_003 + n).document() for n in range(count))
