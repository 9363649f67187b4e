// Sell something with the client that @hey-api/openapi-ts made, which validates by zod what goes out and comes in.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { env } from 'node:process';
import { client } from './generated/client.gen';
import {
  confirmOrder,
  createCustomer,
  createOrder,
  createProduct,
  listOrders,
  updateCustomer,
  type ListOrdersData,
  type OrderListResponse,
  type WholeOrder,
} from './generated';

client.setConfig({ baseUrl: `${env['URL']}/api/v1`, auth: env['TOKEN'] });

const created = await createCustomer({ body: { name: 'Ada Lovelace', country: 'Malta' } });
assert(created.data);
const customer = created.data.data;
const firstTag = created.response?.headers.get('ETag') ?? '';
assert.deepEqual([customer.name, customer.country, customer.email], ['Ada Lovelace', 'Malta', null]);
console.log('passed customer');

const listed = await createProduct({ body: { name: 'Oat flakes', price_cents: 249, currency: 'EUR' } });
assert(listed.data);
const product = listed.data.data;
assert.deepEqual([product.price_cents, product.currency], [249, 'EUR']);
console.log('passed product');

async function ordered(quantity: number): Promise<WholeOrder> {
  const made = await createOrder({
    headers: { 'Idempotency-Key': randomUUID() },
    body: {
      currency: 'EUR',
      customer_id: customer.id,
      tax_rate: '0.07',
      line_items: [{ product_id: product.id, quantity }],
    },
  });
  assert(made.data);
  return made.data.data;
}

const order = await ordered(3);
assert.deepEqual([order.subtotal_cents, order.tax_cents, order.total_cents], [747, 52, 799]);
assert.deepEqual(
  order.line_items.map((line) => [line.name, line.quantity, line.unit_price_cents]),
  [['Oat flakes', 3, 249]],
);
console.log('passed order');

const confirmed = await confirmOrder({ path: { id: order.id } });
assert.deepEqual([order.status, confirmed.data?.data.status], ['pending', 'confirmed']);
console.log('passed confirm');

// Filters are typed arguments.
const found = await listOrders({
  query: {
    'filter[status][in]': ['confirmed', 'shipped'],
    'filter[customer_id]': customer.id,
    'filter[total_cents][gte]': 500,
    include: ['customer'],
  },
});
assert.deepEqual(found.data?.data.map((each) => each.id), [order.id]);
const [beside, ...others] = found.data?.included ?? [];
assert(beside?.type === 'customer' && others.length === 0);
assert.deepEqual([beside.id, beside.name], [customer.id, 'Ada Lovelace']);
console.log('passed filter');

const orders = [await ordered(1), await ordered(2), order, await ordered(4), await ordered(5)];
const seen: string[] = [];
const sizes: number[] = [];
for (let cursor: string | null = ''; cursor !== null; ) {
  const query: ListOrdersData['query'] = {
    'filter[customer_id]': customer.id,
    sort: ['total_cents'],
    pagination: 'cursor',
    per_page: 2,
    cursor,
  };
  const page: OrderListResponse | undefined = (await listOrders({ query })).data;
  assert(page && 'has_more' in page.pagination);
  seen.push(...page.data.map((each) => each.id));
  sizes.push(page.data.length);
  cursor = page.pagination.next_cursor;
}
assert.deepEqual(sizes, [2, 2, 1]);
assert.deepEqual(seen, orders.map((each) => each.id));
console.log('passed pages');

const refused = await createOrder({
  body: { currency: 'EUR', line_items: [{ product_id: randomUUID(), quantity: 1 }] },
});
assert.deepEqual([refused.response?.status, refused.error?.code], [422, 'validation-failed']);
assert.deepEqual(refused.error?.errors?.['line_items.0.product_id'], ['not_found']);
console.log('passed invalid');

async function moved(country: string) {
  return updateCustomer({ path: { id: customer.id }, headers: { 'If-Match': firstTag }, body: { country } });
}

assert.equal((await moved('Italy')).data?.data.country, 'Italy');
const stale = await moved('Spain');
assert.deepEqual([stale.response?.status, stale.error?.code], [412, 'precondition-failed']);
console.log('passed stale');
