"""Names: from the words of declarations to those of GraphQL."""


def camel(name: str) -> str:
    """Return the name of a field or argument, such as `priceCents`."""
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def pascal(name: str) -> str:
    """Return the name of a type, such as `OrderItem`."""
    return "".join(map(str.capitalize, name.split("_")))


def constant(value: str) -> str:
    """Return the name of an enum value, such as `DRAFT`; statements spell it the same way."""
    return value.upper().replace("-", "_")


def words(name: str) -> str:
    """Return a name as people write it, such as `order items`."""
    return name.replace("_", " ")
