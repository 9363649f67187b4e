/** Tells the story by Relay's runtime: its store holds every row once, and lists that go on. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import {
  commitMutation,
  createOperationDescriptor,
  Environment,
  fetchQuery,
  getFragment,
  getPaginationMetadata,
  getPaginationVariables,
  getRefetchMetadata,
  getRequest,
  getSelector,
  Network,
  readInlineData,
  RecordSource,
  Store,
  type GraphQLTaggedNode,
  type MutationParameters,
  type OperationType,
} from "relay-runtime";

import * as ask from "./documents";
import type { documents_customer$data, documents_customer$key } from "./generated/documents_customer.graphql";
import type { documents_customers$data } from "./generated/documents_customers.graphql";
import type { documents_order$data, documents_order$key, OrderStatus } from "./generated/documents_order.graphql";
import type { documents_problem$key } from "./generated/documents_problem.graphql";
import type { documentsAppendCustomerMutation } from "./generated/documentsAppendCustomerMutation.graphql";
import type { documentsConfirmOrderMutation } from "./generated/documentsConfirmOrderMutation.graphql";
import type { documentsCreateCustomerMutation } from "./generated/documentsCreateCustomerMutation.graphql";
import type { documentsCreateCustomersMutation } from "./generated/documentsCreateCustomersMutation.graphql";
import type { documentsCreateOrderMutation } from "./generated/documentsCreateOrderMutation.graphql";
import type { documentsCreateProductMutation } from "./generated/documentsCreateProductMutation.graphql";
import type { documentsCustomerQuery } from "./generated/documentsCustomerQuery.graphql";
import type { documentsCustomersQuery } from "./generated/documentsCustomersQuery.graphql";
import type { documentsDeleteCustomerMutation } from "./generated/documentsDeleteCustomerMutation.graphql";
import type { documentsMoreCustomersQuery } from "./generated/documentsMoreCustomersQuery.graphql";
import type { documentsOrdersQuery } from "./generated/documentsOrdersQuery.graphql";
import type { documentsUpdateOrderMutation } from "./generated/documentsUpdateOrderMutation.graphql";
import type { Json } from "./json";

const { URL: server, TOKEN: token } = process.env;
const mark = `relay-${randomUUID().slice(0, 8)}`;
const complaints: string[] = [];
console.warn = console.error = (...words: unknown[]) => void complaints.push(words.join(" "));

const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(async ({ text, name }, variables) => {
    const answer = await fetch(`${server}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return answer.json();
  }),
});

function mutate<Of extends MutationParameters>(mutation: GraphQLTaggedNode, variables: Of["variables"]): Promise<Of["response"]> {
  return new Promise((onDone, onError) =>
    commitMutation<Of>(environment, {
      mutation,
      variables,
      onError,
      onCompleted: (response, errors) => (errors?.length ? onError(new Error(JSON.stringify(errors))) : onDone(response)),
    }),
  );
}

async function query<Of extends OperationType>(document: GraphQLTaggedNode, variables: Of["variables"]): Promise<Of["response"]> {
  environment.retain(createOperationDescriptor(getRequest(document), variables));
  const found = await fetchQuery<Of>(environment, document, variables).toPromise();
  assert.ok(found);
  return found;
}

/** Returns what the store holds of a query, without asking the server. */
function stored<Of extends OperationType>(document: GraphQLTaggedNode, variables: Of["variables"]): Of["response"] {
  const snapshot = environment.lookup(createOperationDescriptor(getRequest(document), variables).fragment);
  assert.equal(snapshot.isMissingData, false);
  return snapshot.data as Of["response"];
}

/** Returns what a mutation wrote, once its payload tells of no problem. */
function written<Row>(problem: object | null | undefined, row: Row | null | undefined): Row {
  assert.equal(problem, null);
  assert.ok(row);
  return row;
}

const shown = (order: documents_order$key): documents_order$data => readInlineData(ask.orderParts, order);

function refused(problem: documents_problem$key | null | undefined) {
  assert.ok(problem);
  return readInlineData(ask.problemParts, problem);
}

async function main(): Promise<void> {
  // customer
  const creation = { input: { name: `${mark} Ada`, email: `${mark}@example.com` }, key: randomUUID() };
  const { createCustomer } = await mutate<documentsCreateCustomerMutation>(ask.createCustomer, creation);
  const customer = written(createCustomer?.problem, createCustomer?.customer);
  const again = (await mutate<documentsCreateCustomerMutation>(ask.createCustomer, creation)).createCustomer;
  assert.deepEqual([again?.customer?.id, again?.replayed], [customer.id, true]);
  console.log("passed customer");

  // product
  const wanted = { name: `${mark} Tea`, status: "ACTIVE", priceCents: 450, currency: "EUR" } as const;
  const { createProduct } = await mutate<documentsCreateProductMutation>(ask.createProduct, { input: wanted });
  const product = written(createProduct?.problem, createProduct?.product);
  assert.deepEqual([product.status, product.priceCents], ["ACTIVE", 450]);
  console.log("passed product");

  // order
  const about = { currency: "EUR", taxRate: "0.1", metadata: { gift: true } } as const;
  const basket = { customerId: customer.id, lineItems: [{ productId: product.id, quantity: 3 }], ...about };
  const { createOrder } = await mutate<documentsCreateOrderMutation>(ask.createOrder, { input: basket });
  const order = shown(written(createOrder?.problem, createOrder?.order));
  assert.deepEqual([order.status, order.totalCents, order.taxRate], ["PENDING", 1485, "0.1"]);
  assert.deepEqual([order.customer?.id, order.items.nodes[0]?.product?.id], [customer.id, product.id]);
  assert.deepEqual(order.metadata, { gift: true });
  console.log("passed order");

  // confirm
  const unchanged = { id: order.id, ifMatch: order.etag };
  const { confirmOrder } = await mutate<documentsConfirmOrderMutation>(ask.confirmOrder, unchanged);
  const confirmed = shown(written(confirmOrder?.problem, confirmOrder?.order));
  assert.equal(confirmed.status, "CONFIRMED");
  assert.notEqual(confirmed.etag, order.etag);
  console.log("passed confirm");

  // filter
  const mine = { filter: { status: { eq: "CONFIRMED" }, customer: { name: { eq: customer.name } } }, first: 10 } as const;
  const { orders } = await query<documentsOrdersQuery>(ask.orders, mine);
  assert.equal(orders?.totalCount, 1);
  assert.deepEqual(orders.edges.map(({ node }) => shown(node)), [confirmed]);
  console.log("passed filter");

  await pages();
  console.log("passed pages");

  // invalid
  const wrong = { name: "", priceCents: -1, currency: "EUR" } as const;
  const refusal = (await mutate<documentsCreateProductMutation>(ask.createProduct, { input: wrong })).createProduct;
  const invalid = refused(refusal?.problem);
  assert.equal(refusal?.product, null);
  assert.deepEqual([invalid.status, invalid.code], [422, "validation-failed"]);
  const faults = invalid.fieldErrors.map(({ field, code }) => `${field} ${code}`);
  assert.deepEqual(faults.sort(), ["name CANT_BE_BLANK", "priceCents GREATER_THAN"]);
  console.log("passed invalid");

  // stale
  const late = { ...unchanged, input: { metadata: { gift: false } } };
  const missed = (await mutate<documentsUpdateOrderMutation>(ask.updateOrder, late)).updateOrder;
  const stale = refused(missed?.problem);
  assert.equal(missed?.order, null);
  assert.deepEqual([stale.status, stale.code, stale.fieldErrors], [412, "precondition-failed", []]);
  const still = await query<documentsOrdersQuery>(ask.orders, mine);
  assert.deepEqual(still.orders?.edges.map(({ node }) => shown(node)), [confirmed]);
  console.log("passed stale");

  // The runtime understood all of it, and what is known is typed.
  assert.deepEqual(complaints, []);
  assert.ok(typed.every(Boolean));
}

/** Goes through a list as `usePaginationFragment` does, and changes it in the store. */
async function pages(): Promise<void> {
  const names = Array.from({ length: 23 }, (_, at) => `${mark} page ${String(at).padStart(2, "0")}`);
  const items = names.map((name) => ({ name }));
  const { createCustomers } = await mutate<documentsCreateCustomersMutation>(ask.createCustomers, { items });
  const ids = written(createCustomers?.problem, createCustomers?.results).map(({ rowId }) => rowId);

  const filter = { name: { like: `${mark} page` } };
  await query<documentsCustomersQuery>(ask.customers, { filter, count: 5 });
  let asked = 1;
  for (; list(filter).pageInfo.hasNextPage; asked += 1) await more(filter);
  assert.equal(asked, 5);
  assert.deepEqual(list(filter).rows.map(({ id }) => id), ids);
  assert.deepEqual(list(filter).rows.map(({ name }) => name), names);

  // A row that is added and taken away changes the list without asking for it anew.
  const connections = [list(filter).connection];
  const added = { input: { name: `${mark} page 23` }, connections };
  const { createCustomer } = await mutate<documentsAppendCustomerMutation>(ask.appendCustomer, added);
  const last = written(createCustomer?.problem, createCustomer?.customer);
  assert.deepEqual(list(filter).rows.map(({ id }) => id), [...ids, last.id]);
  const gone = { id: last.id, connections };
  const { deleteCustomer } = await mutate<documentsDeleteCustomerMutation>(ask.deleteCustomer, gone);
  assert.equal(written(deleteCustomer?.problem, deleteCustomer?.deletedId), last.id);
  assert.deepEqual(list(filter).rows.map(({ id }) => id), ids);

  // A row is found again by its id alone.
  const { refetchableRequest } = getRefetchMetadata(getFragment(ask.customerRow), "story");
  const { node } = await query<documentsCustomerQuery>(refetchableRequest, { id: last.id });
  assert.equal(node, null);
  const found = await query<documentsCustomerQuery>(refetchableRequest, { id: ids[0] ?? "" });
  assert.equal(row(ask.customerRow, found.node).name, names[0]);
}

/** Returns what the store holds of a fragment that is no list. */
function row(fragment: GraphQLTaggedNode, key: documents_customer$key | null | undefined): documents_customer$data {
  const selector = getSelector(getFragment(fragment), key);
  assert.equal(selector?.kind, "SingularReaderSelector");
  return environment.lookup(selector).data as documents_customer$data;
}

interface List {
  connection: string;
  rows: readonly { readonly id: string; readonly name: string }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** Returns what the store holds of the list. */
function list(filter: Filter): List {
  const root = stored<documentsCustomersQuery>(ask.customers, { filter, count: 5 });
  const selector = getSelector(getFragment(ask.customersList), root);
  assert.equal(selector?.kind, "SingularReaderSelector");
  const { customers } = environment.lookup(selector).data as documents_customers$data;
  assert.ok(customers);
  const { pageInfo } = customers as unknown as { pageInfo: List["pageInfo"] };
  return { connection: customers.__id, rows: customers.edges.map(({ node }) => node), pageInfo };
}

/** Asks for the next page, which the store puts behind what it has. */
async function more(filter: Filter): Promise<void> {
  const { paginationRequest, paginationMetadata } = getPaginationMetadata(getFragment(ask.customersList), "story");
  const { endCursor } = list(filter).pageInfo;
  const variables = getPaginationVariables("forward", 5, endCursor, { filter }, {}, paginationMetadata);
  await query<documentsMoreCustomersQuery>(paginationRequest, variables as documentsMoreCustomersQuery["variables"]);
}

type Filter = NonNullable<documentsCustomersQuery["variables"]["filter"]>;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const typed: [
  Same<documents_order$data["totalCents"], number>,
  Same<documents_order$data["taxRate"], string>,
  Same<documents_order$data["status"], OrderStatus>,
  Same<documents_order$data["placedAt"], string | null | undefined>,
  Same<documents_order$data["metadata"], Json | null | undefined>,
] = [true, true, true, true, true];

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
