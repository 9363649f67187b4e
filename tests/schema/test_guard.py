"""The guard: every bound at N and N+1, and the bombs it exists for, judged by steps and never by time."""

from dataclasses import fields, replace

import pytest
from graphql import GraphQLSyntaxError, get_introspection_query, parse

from schema.guard import admit, check_variables, judge, parse_bounded
from schema.limits import DEFAULT_LIMITS, SENTENCES, GuardViolation, Limits

# Wide enough that only the bound under test can refuse.
ROOMY = Limits(
    characters=10**7, tokens=10**6, operations=10**6, depth=10**6, nesting=10**6, fields=10**6, aliases=10**6,
    directives=10**6, equal_names=10**6, value_nesting=10**6, object_fields=10**6, number_digits=10**6,
)  # fmt: skip


def nested(depth: int, name: str = "a") -> str:
    return "{" + name + ("{" + name) * (depth - 1) + "}" * depth


def spreads(names: list[str]) -> str:
    return " ".join(f"...{name}" for name in names)


def fragment(name: str, body: str, on: str = "Query") -> str:
    return f" fragment {name} on {on} {{ {body} }}"


def doubling_chain(length: int) -> str:
    links = (fragment(f"F{i}", f"...F{i + 1} ...F{i + 1}") for i in range(length - 1))
    return "{ ...F0 }" + "".join(links) + fragment(f"F{length - 1}", "a")


def refusal(source: str, limits: Limits = DEFAULT_LIMITS) -> GuardViolation:
    with pytest.raises(GuardViolation) as caught:
        admit(source, limits)
    return caught.value


BOUNDS = {
    "characters": lambda n: "{a}" + " " * (n - 3),
    "tokens": lambda n: "{" + " ".join(f"a{i}" for i in range(n - 2)) + "}",
    "operations": lambda n: " ".join(f"query Q{i} {{ a }}" for i in range(n)),
    "depth": nested,
    "nesting": lambda n: nested(n, "node"),
    "fields": lambda n: "{" + " ".join(f"a{i}" for i in range(n)) + "}",
    "aliases": lambda n: "{" + " ".join(f"a{i}: a" for i in range(n)) + "}",
    "directives": lambda n: "{ a " + "@skip(if: false) " * n + "}",
    "equal_names": lambda n: "{" + "a " * n + "}",
    "value_nesting": lambda n: "{ a(x: " + "[" * n + "]" * n + ") }",
    "object_fields": lambda n: "{ a(x: {" + " ".join(f"f{i}: 1" for i in range(n)) + "}) }",
    "number_digits": lambda n: "{ a(x: " + "1" * n + ") }",
}


def only(limit: str) -> Limits:
    return replace(ROOMY, **{limit: getattr(DEFAULT_LIMITS, limit)})


@pytest.mark.parametrize("limit", [f.name for f in fields(Limits)])
def test_a_document_at_the_bound_is_admitted(limit: str) -> None:
    """Promise 25: N passes."""
    admit(BOUNDS[limit](getattr(DEFAULT_LIMITS, limit)), only(limit))


@pytest.mark.parametrize("limit", [f.name for f in fields(Limits)])
def test_a_document_one_past_the_bound_is_refused_with_both_numbers(limit: str) -> None:
    """Promise 25: N + 1 does not."""
    allowed = getattr(DEFAULT_LIMITS, limit)

    violation = refusal(BOUNDS[limit](allowed + 1), only(limit))

    assert (violation.limit, violation.allowed, violation.actual) == (limit, allowed, allowed + 1)
    assert str(allowed) in violation.message
    assert violation.message.endswith(".")


def test_every_bound_has_a_sentence() -> None:
    assert {f.name for f in fields(Limits)} <= set(SENTENCES)


def test_the_defaults_are_the_promised_numbers() -> None:
    """Promise 25."""
    limits = DEFAULT_LIMITS

    assert (limits.characters, limits.tokens, limits.depth) == (15_000, 1_000, 10)
    assert (limits.aliases, limits.directives, limits.equal_names) == (15, 50, 25)


def test_facts_describe_each_operation_with_its_fragments_spread() -> None:
    source = (
        "query One($n: Int) { top: products(first: $n) @skip(if: false) { edges { node { ...P } } } ...R }"
        " mutation Two { createBrand { brand { id } } }"
        + fragment("P", "id brand { title: name }", "Product")
        + fragment("R", "orders { nodes { id } } products { totalCount }")
    )

    facts = admit(source).facts

    one, two = facts.operations
    assert facts.fragment_names == {"P", "R"}
    assert (one.kind, one.name, one.root_fields) == ("query", "One", 3)
    assert one.root_names == {"products", "orders"}
    assert (one.depth, one.nesting, one.fields, one.aliases, one.directives) == (3, 6, 11, 2, 1)
    assert (two.kind, two.name, two.root_names) == ("mutation", "Two", {"createBrand"})
    assert (two.depth, two.aliases, two.directives) == (3, 0, 0)


def test_connection_plumbing_does_not_count_towards_depth() -> None:
    source = "{ products { edges { node { brand { products { nodes { id } pageInfo { endCursor } } } } } } }"

    assert admit(source).facts.operations[0].depth == 4


def test_the_tools_introspection_queries_are_admitted() -> None:
    everything = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        experimental_directive_deprecation=True,
        one_of=True,
    )

    for source in (get_introspection_query(descriptions=False), get_introspection_query(), everything):
        admit(source)


def test_introspection_written_without_fragments_is_admitted() -> None:
    type_ref = "kind name ofType {" * 9 + "kind name" + "}" * 9
    source = f"{{ __schema {{ types {{ fields {{ args {{ type {{ {type_ref} }} }} }} }} }} }}"

    operation = admit(source).facts.operations[0]

    assert (operation.depth, operation.nesting) == (0, 15)


def test_introspection_is_still_bounded_by_nesting() -> None:
    assert refusal("{ __schema { types " + nested(25, "ofType") + "} }").limit == "nesting"


def test_a_fragment_of_an_introspection_query_counts_fully_when_data_is_selected_through_it() -> None:
    deep = fragment("Deep", "a " + nested(11)[1:-1])

    admit("{ __schema { ...Deep } }" + deep)

    assert refusal("{ ...Deep }" + deep).limit == "depth"


@pytest.mark.parametrize(
    "source",
    [
        "{ ...A }" + fragment("A", "...A"),
        "{ ...A }" + fragment("A", "a { ...B }") + fragment("B", "b { ...C }") + fragment("C", "c { ...A }"),
        "{ a }" + fragment("A", "...B") + fragment("B", "...A"),
    ],
)
def test_circular_fragments_are_refused_even_when_unused(source: str) -> None:
    """Attack 32."""
    violation = refusal(source)

    assert violation.limit == "fragment_cycles"
    assert "spreads itself" in violation.message


def test_two_paths_to_one_fragment_are_no_circle() -> None:
    admit("{ ...A ...B }" + fragment("A", "a { ...C }") + fragment("B", "b { ...C }") + fragment("C", "c"))


def test_a_fragment_defined_twice_is_refused() -> None:
    violation = refusal("{ ...A }" + fragment("A", "a") + fragment("A", "b"))

    assert (violation.limit, violation.actual) == ("equal_fragments", 2)


def test_an_unknown_fragment_is_left_to_validation() -> None:
    assert admit("{ ...Missing a }").facts.operations[0].fields == 1


def test_an_object_field_given_twice_is_refused() -> None:
    assert refusal("{ a(x: {y: [{z: 1, z: 2}]}) }").limit == "equal_object_fields"


def test_type_definitions_are_refused() -> None:
    assert refusal("type A { b: Int }").limit == "schema_definitions"


def test_equal_names_count_through_inline_fragments_spreads_and_repeated_parents() -> None:
    """Attack 34."""
    inline = "{" + "... on Query { a } " * 13 + "...F }" + fragment("F", "a " * 13)
    parents = "{" + "a { b } " * 25 + "}"
    nested_parents = "{ a { b } a { " + "b " * 25 + "} }"

    assert refusal(inline).message == "'a' is selected 26 times at the same place; 25 times are allowed."
    assert admit(parents).facts.operations[0].fields == 50
    assert refusal(nested_parents).limit == "equal_names"


def test_equal_names_at_different_places_are_no_offence() -> None:
    admit("{" + " ".join(f"a{i} {{ id name }}" for i in range(40)) + "}")


@pytest.mark.parametrize("limit", ["aliases", "directives", "fields"])
def test_counts_multiply_through_fragments(limit: str) -> None:
    """Attack 30: aliases times fragment spreads."""
    body = {"aliases": "x: a", "directives": "a @skip(if: false)", "fields": "a b c d"}[limit]
    source = "{" + " ".join(f"f{i} {{ ...F ...F }}" for i in range(8)) + "}" + fragment("F", body)
    expected = {"aliases": 16, "directives": 16, "fields": 72}[limit]

    violation = refusal(source, replace(DEFAULT_LIMITS, **{limit: expected - 1}))

    assert (violation.limit, violation.actual) == (limit, expected)


def test_directives_on_operations_variables_and_fragments_count() -> None:
    source = (
        "query Q($v: Int = 1 @a) @b { ...F @c ... on Query @d { x @e } }"
        " fragment F on Query @f { y }"
    )  # fmt: skip

    assert admit(source).facts.operations[0].directives == 6


def test_ten_thousand_aliases_are_refused_before_parsing() -> None:
    """Attack 30."""
    bomb = "{" + " ".join(f"a{i}: b" for i in range(10_000)) + "}"

    assert refusal(bomb).limit == "characters"
    assert refusal(bomb, replace(DEFAULT_LIMITS, characters=10**6)).limit == "tokens"
    assert refusal(bomb, replace(ROOMY, aliases=15)).actual == 10_000


def test_a_doubling_fragment_chain_is_refused() -> None:
    """Attack 31 and CVE-2026-47706."""
    assert refusal(doubling_chain(40)).limit in {"nesting", "fields", "equal_names"}


@pytest.mark.parametrize("length", [10, 20, 40, 80])
def test_the_steps_of_judging_a_doubling_chain_grow_with_its_text_alone(length: int) -> None:
    """Promise 24: no step is repeated however often a fragment is spread."""
    endless = Limits(**{f.name: 10**60 for f in fields(Limits)})

    facts = judge(parse(doubling_chain(length)), endless)

    assert facts.operations[0].fields == 2 ** (length - 1)
    assert facts.steps == 9 * length - 4


def test_a_chain_that_doubles_by_fields_is_counted_not_walked() -> None:
    links = (fragment(f"F{i}", f"a {{ ...F{i + 1} }} b {{ ...F{i + 1} }}") for i in range(8))
    source = "{ ...F0 }" + "".join(links) + fragment("F8", "a b c d e")
    total = 5 * 2**8 + 2 * (2**8 - 1)

    admitted = admit(source, replace(DEFAULT_LIMITS, fields=total))

    assert admitted.facts.operations[0].fields == total
    assert admitted.facts.steps < 2 * admitted.document.token_count


def test_two_hundred_and_forty_equal_object_fields_are_refused() -> None:
    """Attack 34."""
    violation = refusal("{" + "me { id } " * 240 + "}")

    assert (violation.limit, violation.actual) == ("equal_names", 26)


@pytest.mark.parametrize(
    "bomb",
    [
        nested(5_000),
        "{a" * 5_000,
        "{" + "... {" * 2_900,
        "{ a(x: " + "[" * 5_000,
        "{ a(x: " + "{b: " * 2_900 + "1" + "}" * 2_900 + ") }",
        "query ($v: " + "[" * 5_000 + "Int" + "]" * 5_000 + ") { a }",
    ],
)
def test_deep_nesting_is_a_violation_and_never_a_recursion_error(bomb: str) -> None:
    """Attack 36; nothing but GuardViolation may come out, even with room for every token."""
    assert len(bomb) <= 15_000
    assert refusal(bomb).limit in {"tokens", "nesting", "value_nesting"}
    assert refusal(bomb, replace(DEFAULT_LIMITS, tokens=10**6)).limit == "nesting"


def test_a_long_chain_of_fragments_is_judged_without_recursion() -> None:
    length = 3_000
    links = "".join(fragment(f"F{i}", f"...F{i + 1}") for i in range(length - 1))
    source = "{ ...F0 }" + links + fragment(f"F{length - 1}", "a")

    admitted = admit(source, ROOMY)

    assert admitted.facts.operations[0].nesting == length + 1
    assert refusal(source, replace(ROOMY, nesting=25)).limit == "nesting"


def test_twenty_thousand_fragments_are_refused_before_they_are_parsed() -> None:
    """Pitfall 10: seven seconds of validation, unguarded."""
    bomb = "{a}" + "".join(fragment(f"F{i}", "a") for i in range(20_000))

    assert refusal(bomb).limit == "characters"
    assert refusal(bomb, replace(DEFAULT_LIMITS, characters=10**7)).limit == "tokens"


def test_the_widest_document_within_the_bounds_costs_few_steps_per_token() -> None:
    """Promise 24: many places spreading a wide fragment are bounded by the fields they would select."""
    places = "{" + " ".join(f"f{i} {{ ...F }}" for i in range(6)) + "}"
    source = places + fragment("F", " ".join(f"x{i}" for i in range(300)))

    admitted = admit(source)

    assert admitted.facts.operations[0].fields == 1_806
    assert admitted.facts.steps == 3_918


def test_syntax_errors_are_the_parsers_own() -> None:
    with pytest.raises(GraphQLSyntaxError):
        admit("{ a")


def test_a_callers_text_cannot_pass_for_a_parsers_limit() -> None:
    with pytest.raises(GraphQLSyntaxError):
        parse_bounded('"Document is nested too deeply. Parsing aborted."')


def test_long_names_are_cut_in_sentences() -> None:
    violation = refusal("{" + ("a" * 400 + " ") * 26 + "}")

    assert violation.limit == "equal_names"
    assert len(violation.message) < 150


def test_comments_are_no_tokens() -> None:
    admit("{ a #" + "x\n#" * 2_000 + "\n}")


def test_variables_at_the_bound_are_admitted_and_counted() -> None:
    assert check_variables({}) == 0
    assert check_variables({"a": [1, {"b": 2}], "c": None}) == 5
    check_variables({"a": nested_list(32)})
    check_variables({"a": {f"f{i}": i for i in range(100)}})


@pytest.mark.parametrize("depth", [33, 100_000])
def test_variables_nested_too_deep_are_refused(depth: int) -> None:
    """Pitfall 7: variables nested 5,000 deep were a server error."""
    with pytest.raises(GuardViolation) as caught:
        check_variables({"a": nested_list(depth)})

    assert (caught.value.limit, caught.value.allowed, caught.value.actual) == ("value_nesting", 32, 33)


def test_a_variable_object_with_too_many_fields_is_refused() -> None:
    with pytest.raises(GuardViolation) as caught:
        check_variables({"a": {f"f{i}": i for i in range(101)}})

    assert (caught.value.limit, caught.value.actual) == ("object_fields", 101)


def nested_list(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value
