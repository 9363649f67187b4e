"""HATEOAS links (S3.25)."""

import pytest

from tests.spec.test_pagination_offset import link_header
from tests.support.client import Client
from tests.support.expected import LINKS, newest
from tests.support.seed import Seed

TENANT = ("brands", "categories", "products", "customers", "orders", "order_items")


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize("plural", TENANT)
async def test_every_resource_links_to_itself_and_its_relatives(api: Client, seed: Seed, plural: str) -> None:
    """S3-237, S3-239: null where there is nothing to link to."""
    answer = await api.get(path(plural))

    assert [row["links"] for row in answer.rows()] == [
        LINKS[plural](row) for row in newest(seed.live(plural))
    ]


@pytest.mark.parametrize("plural", TENANT)
async def test_links_lead_somewhere(api: Client, seed: Seed, plural: str) -> None:
    """S3-237: 200 unless the relative is deleted, then 404."""
    gone = {str(row["id"]) for name in TENANT for row in seed.deleted(name)}
    for row in (await api.get(f"{path(plural)}?per_page=12")).rows():
        for target in filter(None, row["links"].values()):
            answer = await api.get(target)

            assert answer.status == (404 if target.rpartition("/")[2] in gone else 200), target


async def test_links_are_relative_whatever_the_host(api: Client, seed: Seed) -> None:
    """S3-238, C-46: no header of the request gets into them."""
    row = seed.live("orders")[4]
    forged = [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")]

    answer = await api.get(f"/api/v1/orders/{row['id']}?include=items", headers=forged)
    listed = await api.get("/api/v1/orders", headers=forged)

    assert b"evil.example" not in answer.body + listed.body
    assert "evil.example" not in str(listed.headers)
    assert all(
        value is None or value.startswith("/api/v1/") for value in answer.json()["data"]["links"].values()
    )
    assert all(value is None or value.startswith("/api/v1/") for value in listed.json()["links"].values())


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/products?per_page=10&page=2",
        "/api/v1/products?per_page=10&cursor=",
        "/api/v1/products?per_page=10&with_count=false",
        "/api/v1/brands",
        "/api/v1/products?filter[name]=nobody",
        "/api/v1/products?filter[name][like]=a%26b%3D%C3%A4&sort=-name",
    ],
)
async def test_a_link_header_says_what_the_body_says(api: Client, target: str) -> None:
    """S3-161, S3-240, S3-241: all but self, in the same words, where there is a target."""
    answer = await api.get(target)

    links = {name: value for name, value in answer.json()["links"].items() if value and name != "self"}
    header = {
        name: value.replace("%5B", "[").replace("%5D", "]") for name, value in link_header(answer).items()
    }
    assert header == links
    assert set(answer.json()["links"]) == {"self", "first", "prev", "next", "last"}


async def test_single_resources_have_no_link_header(api: Client, seed: Seed) -> None:
    """S3-241: it belongs to collections."""
    answer = await api.get(f"/api/v1/brands/{seed.live('brands')[0]['id']}")

    assert answer.header("link") is None


async def test_nested_collections_link_to_themselves(api: Client, seed: Seed) -> None:
    """S3-240, S3-341."""
    parent = f"/api/v1/categories/{seed.live('categories')[0]['id']}/children"
    answer = await api.get(f"{parent}?per_page=2")

    assert answer.json()["links"]["self"] == f"{parent}?page=1&per_page=2"
    assert answer.json()["links"]["next"] == f"{parent}?page=2&per_page=2"
