"""Inputs of actions and procedures: what stands for an input that nobody sent."""

import pytest

from services.catalog import CATALOG
from services.engine.asking import Asked, inputs_of
from services.engine.validate import read_inputs
from tests.parity.procedures.cases import least

DEFAULTED = [
    (procedure, field)
    for procedure in CATALOG.procedures
    for field in procedure.inputs
    if field.default is not None and not procedure.in_path
]
ACTIONS = [(action, field) for resource in CATALOG for action in resource.actions for field in action.inputs]


@pytest.mark.parametrize(("procedure", "field"), DEFAULTED, ids=lambda each: each.name)
def test_a_null_input_of_a_procedure_is_its_default(procedure, field) -> None:
    given = {
        name: "ada@example.com" if name == "email" else value for name, value in least(procedure).items()
    }

    assert inputs_of(Asked(procedure, {**given, field.name: None}))[field.name] == field.default


@pytest.mark.parametrize(("action", "field"), ACTIONS, ids=lambda each: each.name)
def test_a_null_input_of_an_action_is_its_default(action, field) -> None:
    found, invalid = read_inputs(action, {field.name: None})

    assert found[field.name] == field.default
    assert invalid == {}
