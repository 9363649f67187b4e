"""Actions: the ways to write that resources have in common, and how to declare their own."""

from services.engine.resource import Action, ActionKind, ActionRule


def writes(
    *,
    creating: ActionRule | None = None,
    changing: ActionRule | None = None,
    deleting: ActionRule | None = None,
    restoring: ActionRule | None = None,
) -> tuple[Action, ...]:
    """Return the five actions of an ordinary resource; `changing` rules updates and replacements alike."""
    return (
        Action(ActionKind.CREATE, "create", "created", "Make a new one.", creating),
        Action(ActionKind.REPLACE, "replace", "updated", "Replace all of it.", changing),
        Action(ActionKind.UPDATE, "update", "updated", "Change some of it.", changing),
        Action(ActionKind.DELETE, "delete", "deleted", "Delete it; it can be restored.", deleting),
        Action(ActionKind.RESTORE, "restore", "restored", "Bring a deleted one back.", restoring),
    )


def item(name: str, event: str, doc: str, rule: ActionRule) -> Action:
    """Return an action on one row beyond the common ones, such as `confirm`, whose events end in `event`."""
    return Action(ActionKind.ITEM, name, event, doc, rule)
