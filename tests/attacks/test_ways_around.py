"""Ways around: no code that skips the checks can be reached from what serves requests."""

import ast

from tests.contracts.code import Module, modules

OPERATORS = {
    "db.provision",
    "db.administering",
    "db.imports",
    "services.operator",
    "services.token_operator",
    "services.importing",
    "services.rotation",
    "services.audit_export",
    "services.demo",
}
"""What acts with the rights of whoever runs the server, in whatever workspace."""

SERVING = ["rest", "schema", "services/engine"]
ACROSS = ("db/queries/", "db/calls.py", "db/driver.py", "db/execute.py", "db/compile.py", "db/walls.py")


SWITCHES = {"override", "override_access", "bypass", "skip_auth", "as_admin", "unsafe", "sudo", "internal"}


def imported(module: Module) -> set[str]:
    """Return the modules that one imports, and the names it takes from them."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


def test_nothing_that_serves_requests_acts_as_the_operator() -> None:
    """Attack 29."""
    assert {
        (str(module), name)
        for module in modules(*SERVING)
        for name in imported(module)
        if any(name == each or name.startswith(f"{each}.") for each in OPERATORS)
    } == set()


def test_no_resource_or_procedure_acts_as_the_operator() -> None:
    """Attack 29: neither does what they import in turn, as far as that belongs to the services."""
    known = {
        str(module).removesuffix(".py").replace("/", "."): module for module in modules("services", "db")
    }
    pending, seen = ["services.catalog"], set()
    while pending:
        name = pending.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        assert not any(name == each or name.startswith(f"{each}.") for each in OPERATORS), name
        pending += imported(known[name])
    assert len(seen) > 60


def test_a_statement_that_looks_into_other_workspaces_stands_among_the_others() -> None:
    """Attack 29: `across=True` is written where such statements are read together, and nowhere else."""
    found = [
        str(module)
        for module in modules("diptych", "rest", "schema", "services", "db")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword)
        and node.arg == "across"
        and getattr(node.value, "value", None) is True
    ]

    assert found
    assert {path for path in found if not any(path.startswith(each) for each in ACROSS)} == set()


def test_no_switch_turns_the_checks_off_for_a_request() -> None:
    """Attack 29: no parameter anywhere is called like one."""
    named = {
        f"{module}: {argument.arg}"
        for module in modules("rest", "schema", "services/engine")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in (*node.args.args, *node.args.kwonlyargs)
        if argument.arg
        in {
            "override",
            "override_access",
            "bypass",
            "skip_auth",
            "as_admin",
            "unsafe",
            "sudo",
            "internal",
            "trusted",
        }
    }

    assert named == set()
