"""Categories: one tree that files products."""

from db.models import Category
from services import category_tree, slugs
from services.engine.actions import writes
from services.engine.resource import Field, Relation, Resource

CATEGORY = Resource(
    name="category",
    plural="categories",
    model=Category,
    doc="A node of the one tree that files products.",
    fields=(
        Field(
            "name",
            "Display name.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="Breakfast cereals",
        ),
        Field(
            "slug",
            "Short name in URLs, unique in the workspace; made of the name unless sent.",
            writable=True,
            filterable=True,
            check=slugs.check,
            pattern=slugs.PATTERN,
            fallback=slugs.fallback,
            example="breakfast-cereals",
        ),
        Field("description", "What belongs here.", writable=True, searchable=True),
        Field(
            "position",
            "Place among its siblings, ascending.",
            writable=True,
            filterable=True,
            sortable=True,
            example=3,
        ),
        Field(
            "parent_id",
            "The category above, or null at the root; the tree has at most 8 levels.",
            writable=True,
            filterable=True,
        ),
    ),
    relations=(
        Relation("parent", "The category above.", one="category", via="parent_id"),
        Relation(
            "children",
            "The categories below.",
            many="category",
            via="parent_id",
            nested=True,
            sort="position",
        ),
        Relation("products", "Products filed here.", many="product", via="category_id", nested=True),
    ),
    actions=writes(
        creating=category_tree.place,
        changing=category_tree.place,
        deleting=category_tree.delete,
        restoring=category_tree.place,
    ),
)
