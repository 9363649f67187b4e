// Sell something with the client and the zod schemas that orval made.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { env } from 'node:process';
import {
  confirmOrder,
  createCustomer,
  createOrder,
  createProduct,
  listOrders,
  updateCustomer,
} from './generated/client';
import { ErrorCode, FieldErrorCode, type OrderListResponse, type WholeOrder } from './generated/client.schemas';
import * as zod from './generated/zod';

const options = { headers: { Authorization: `Bearer ${env['TOKEN']}` } };

const created = await createCustomer({ name: 'Ada Lovelace', country: 'Malta' }, {}, {}, options);
assert(created.status === 201);
const customer = zod.CreateCustomerResponse.parse(created.data).data;
const firstTag = created.headers.get('ETag') ?? '';
assert.deepEqual([customer.name, customer.country, customer.email], ['Ada Lovelace', 'Malta', null]);
console.log('passed customer');

const flakes = zod.CreateProductBody.parse({ name: 'Oat flakes', price_cents: 249, currency: 'EUR' });
const listed = await createProduct(flakes, {}, {}, options);
assert(listed.status === 201);
const product = zod.CreateProductResponse.parse(listed.data).data;
assert.deepEqual([product.price_cents, product.currency], [249, 'EUR']);
console.log('passed product');

async function ordered(quantity: number): Promise<WholeOrder> {
  const body = zod.CreateOrderBody.parse({
    currency: 'EUR',
    customer_id: customer.id,
    tax_rate: '0.07',
    line_items: [{ product_id: product.id, quantity }],
  });
  const made = await createOrder(body, {}, { 'Idempotency-Key': randomUUID() }, options);
  assert(made.status === 201);
  return zod.CreateOrderResponse.parse(made.data).data;
}

const order = await ordered(3);
assert.deepEqual([order.subtotal_cents, order.tax_cents, order.total_cents], [747, 52, 799]);
assert.deepEqual(
  order.line_items.map((line) => [line.name, line.quantity, line.unit_price_cents]),
  [['Oat flakes', 3, 249]],
);
console.log('passed order');

const confirmed = await confirmOrder(order.id, {}, {}, options);
assert(confirmed.status === 200);
assert.deepEqual([order.status, confirmed.data.data.status], ['pending', 'confirmed']);
console.log('passed confirm');

// Filters are typed arguments.
const found = await listOrders(
  {
    'filter[status][in]': ['confirmed', 'shipped'],
    'filter[customer_id]': customer.id,
    'filter[total_cents][gte]': 500,
    include: ['customer'],
  },
  {},
  options,
);
assert(found.status === 200);
assert.deepEqual(found.data.data.map((each) => each.id), [order.id]);
const [beside, ...others] = zod.ListOrdersResponse.parse(found.data).included ?? [];
assert(beside?.type === 'customer' && others.length === 0);
assert.deepEqual([beside.id, beside.name], [customer.id, 'Ada Lovelace']);
console.log('passed filter');

const orders = [await ordered(1), await ordered(2), order, await ordered(4), await ordered(5)];
const seen: string[] = [];
const sizes: number[] = [];

async function paged(cursor: string): Promise<OrderListResponse> {
  const page = await listOrders(
    {
      'filter[customer_id]': customer.id,
      sort: ['total_cents'],
      pagination: 'cursor',
      per_page: 2,
      cursor,
    },
    {},
    options,
  );
  assert(page.status === 200);
  return page.data;
}

for (let cursor: string | null = ''; cursor !== null; ) {
  const page = await paged(cursor);
  assert('has_more' in page.pagination);
  seen.push(...page.data.map((each) => each.id));
  sizes.push(page.data.length);
  cursor = page.pagination.next_cursor;
}
assert.deepEqual(sizes, [2, 2, 1]);
assert.deepEqual(seen, orders.map((each) => each.id));
console.log('passed pages');

const nothing = zod.CreateOrderBody.parse({
  currency: 'EUR',
  line_items: [{ product_id: randomUUID(), quantity: 1 }],
});
const refused = await createOrder(nothing, {}, {}, options);
assert(refused.status === 422);
assert.equal(refused.data.code, ErrorCode.VALIDATION_FAILED);
assert.deepEqual(refused.data.errors?.['line_items.0.product_id'], [FieldErrorCode.not_found]);
console.log('passed invalid');

async function moved(country: string) {
  return updateCustomer(customer.id, { country }, {}, { 'If-Match': firstTag }, options);
}

const first = await moved('Italy');
assert(first.status === 200);
assert.equal(first.data.data.country, 'Italy');
const stale = await moved('Spain');
assert(stale.status === 412);
assert.equal(stale.data.code, ErrorCode.PRECONDITION_FAILED);
console.log('passed stale');
