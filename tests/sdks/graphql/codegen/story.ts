/** The story, whichever library tells it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { DocumentNode } from "graphql";

import type * as made from "./generated/graphql.js";
import { shown } from "./generated/index.js";
import type { Json } from "./json.js";
import * as ask from "./operations.js";

/** What a library does in the story. */
export interface Front {
  /** Asks the server, whatever the cache holds, and returns data without errors beside it. */
  ask<Data, Variables extends Named>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data>;
  /** Reads page after page into the cache, and returns how many there were. */
  page(variables: made.CustomersQueryVariables): Promise<number>;
  /** Returns what the cache holds of the first query, without asking the server. */
  kept(variables: made.CustomersQueryVariables): Promise<made.CustomersQuery>;
  /** What the library warned of. */
  complaints: string[];
}

export type Named = { [name: string]: unknown };

/** Tells whether a document writes. */
export function isMutation(document: DocumentNode): boolean {
  return document.definitions.some((each) => each.kind === "OperationDefinition" && each.operation === "mutation");
}

/** Returns what a mutation wrote, once its payload tells of no problem. */
function written<Row>(problem: object | null | undefined, row: Row | null | undefined): Row {
  assert.equal(problem, null);
  assert.ok(row);
  return row;
}

/** Tells the whole story. */
export async function tell(name: string, front: Front): Promise<void> {
  const mark = `${name}-${randomUUID().slice(0, 8)}`;

  // customer
  const key = randomUUID();
  const creation = { input: { name: `${mark} Ada`, email: `${mark}@example.com` }, key };
  const { createCustomer } = await front.ask(ask.CreateCustomer, creation);
  const customer = written(createCustomer?.problem, createCustomer?.customer);
  assert.equal(customer.name, `${mark} Ada`);
  const repeated = (await front.ask(ask.CreateCustomer, creation)).createCustomer;
  assert.deepEqual([repeated?.customer?.id, repeated?.replayed], [customer.id, true]);
  console.log("passed customer");

  // product
  const wanted = { name: `${mark} Tea`, status: "ACTIVE", priceCents: 450, currency: "EUR" } as const;
  const { createProduct } = await front.ask(ask.CreateProduct, { input: wanted });
  const product = written(createProduct?.problem, createProduct?.product);
  assert.deepEqual([product.status, product.priceCents], ["ACTIVE", 450]);
  console.log("passed product");

  // order
  const lines = [{ productId: product.id, quantity: 3 }];
  const about = { currency: "EUR", taxRate: "0.1", metadata: { gift: true } } as const;
  const basket = { customerId: customer.id, lineItems: lines, ...about };
  const { createOrder } = await front.ask(ask.CreateOrder, { input: basket });
  const order = shown(ask.OrderParts, written(createOrder?.problem, createOrder?.order));
  assert.deepEqual([order.status, order.totalCents, order.taxRate], ["PENDING", 1485, "0.1"]);
  assert.deepEqual([order.customer?.id, order.items.nodes[0]?.product?.id], [customer.id, product.id]);
  assert.deepEqual(order.metadata, { gift: true });
  console.log("passed order");

  // confirm
  const { confirmOrder } = await front.ask(ask.ConfirmOrder, { id: order.id, ifMatch: order.etag });
  const confirmed = shown(ask.OrderParts, written(confirmOrder?.problem, confirmOrder?.order));
  assert.equal(confirmed.status, "CONFIRMED");
  assert.notEqual(confirmed.etag, order.etag);
  console.log("passed confirm");

  // filter
  const mine = { status: { eq: "CONFIRMED" }, customer: { name: { eq: customer.name } } } as const;
  const { orders } = await front.ask(ask.Orders, { filter: mine, first: 10 });
  assert.equal(orders?.totalCount, 1);
  const [listed] = orders.edges.map(({ node }) => shown(ask.OrderParts, node));
  assert.deepEqual(listed, confirmed);
  console.log("passed filter");

  // pages
  const names = Array.from({ length: 23 }, (_, at) => `${mark} page ${String(at).padStart(2, "0")}`);
  const items = names.map((name) => ({ name }));
  const { createCustomers } = await front.ask(ask.CreateCustomers, { items });
  const ids = written(createCustomers?.problem, createCustomers?.results).map(({ rowId }) => rowId);
  const paged = { filter: { name: { like: `${mark} page` } }, first: 5 };
  assert.equal(await front.page(paged), 5);
  const { customers } = await front.kept(paged);
  assert.deepEqual(customers?.edges.map(({ node }) => node.id), ids);
  assert.deepEqual(customers?.edges.map(({ node }) => node.name), names);
  console.log("passed pages");

  // invalid
  const wrong = { name: "", priceCents: -1, currency: "EUR" } as const;
  const refusal = (await front.ask(ask.CreateProduct, { input: wrong })).createProduct;
  const invalid = shown(ask.ProblemParts, refusal?.problem);
  assert.equal(refusal?.product, null);
  assert.deepEqual([invalid?.status, invalid?.code], [422, "validation-failed"]);
  const faults = invalid?.fieldErrors.map(({ field, code }): [string, made.FieldErrorCode] => [field, code]);
  assert.deepEqual(new Map(faults), new Map([["name", "CANT_BE_BLANK"], ["priceCents", "GREATER_THAN"]]));
  console.log("passed invalid");

  // stale
  const late = { id: order.id, ifMatch: order.etag, input: { metadata: { gift: false } } };
  const missed = (await front.ask(ask.UpdateOrder, late)).updateOrder;
  const stale = shown(ask.ProblemParts, missed?.problem);
  assert.equal(missed?.order, null);
  assert.deepEqual([stale?.status, stale?.code, stale?.fieldErrors], [412, "precondition-failed", []]);
  const still = await front.ask(ask.Orders, { filter: mine, first: 10 });
  assert.deepEqual(still.orders?.edges.map(({ node }) => shown(ask.OrderParts, node)), [confirmed]);
  console.log("passed stale");

  // The cache understood all of it, and what is known is typed.
  assert.deepEqual(front.complaints, []);
  assert.ok(typed.every(Boolean));
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const typed: [
  Same<made.OrderPartsFragment["totalCents"], number>,
  Same<made.OrderPartsFragment["taxRate"], string>,
  Same<made.OrderPartsFragment["status"], made.OrderStatus>,
  Same<made.OrderPartsFragment["placedAt"], string | null>,
  Same<made.OrderPartsFragment["metadata"], Json | null>,
] = [true, true, true, true, true];
