// Sell something with the fetch client that openapi-generator made.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { env } from 'node:process';
import {
  CatalogApi,
  CommerceApi,
  Configuration,
  Currency,
  ErrorCode,
  type ErrorResponse,
  ErrorResponseFromJSON,
  FieldErrorCode,
  OrderIncludeKey,
  type OrderListResponse,
  OrderSortKey,
  OrderStatus,
  PaginationKind,
  ResponseError,
  type WholeOrder,
} from './generated';

const configuration = new Configuration({
  basePath: `${env['URL']}/api/v1`,
  accessToken: env['TOKEN'] ?? '',
});
const catalog = new CatalogApi(configuration);
const commerce = new CommerceApi(configuration);

const created = await commerce.createCustomerRaw({
  customerCreate: { name: 'Ada Lovelace', country: 'Malta' },
});
const customer = (await created.value()).data;
const firstTag = created.raw.headers.get('ETag') ?? '';
assert.deepEqual([customer.name, customer.country, customer.email], ['Ada Lovelace', 'Malta', null]);
console.log('passed customer');

const flakes = { name: 'Oat flakes', priceCents: 249, currency: Currency.Eur };
const product = (await catalog.createProduct({ productCreate: flakes })).data;
assert.deepEqual([product.priceCents, product.currency], [249, Currency.Eur]);
console.log('passed product');

async function ordered(quantity: number): Promise<WholeOrder> {
  const made = await commerce.createOrder({
    idempotencyKey: randomUUID(),
    orderCreate: {
      currency: Currency.Eur,
      customerId: customer.id,
      taxRate: '0.07',
      lineItems: [{ productId: product.id, quantity }],
    },
  });
  return made.data;
}

const order = await ordered(3);
assert.deepEqual([order.subtotalCents, order.taxCents, order.totalCents], [747, 52, 799]);
assert.deepEqual(
  order.lineItems.map((line) => [line.name, line.quantity, line.unitPriceCents]),
  [['Oat flakes', 3, 249]],
);
console.log('passed order');

const confirmed = (await commerce.confirmOrder({ id: order.id })).data;
assert.deepEqual([order.status, confirmed.status], [OrderStatus.Pending, OrderStatus.Confirmed]);
console.log('passed confirm');

// Filters are typed arguments.
const found = await commerce.listOrders({
  filterStatusIn: [OrderStatus.Confirmed, OrderStatus.Shipped],
  filterCustomerId: customer.id,
  filterTotalCentsGte: 500,
  include: [OrderIncludeKey.CUSTOMER],
});
assert.deepEqual(found.data.map((each) => each.id), [order.id]);
const [beside, ...others] = found.included ?? [];
assert(beside?.type === 'customer' && others.length === 0);
assert.deepEqual([beside.id, beside.name], [customer.id, 'Ada Lovelace']);
console.log('passed filter');

const orders = [await ordered(1), await ordered(2), order, await ordered(4), await ordered(5)];
const seen: string[] = [];
const sizes: number[] = [];
for (let cursor: string | null = ''; cursor !== null; ) {
  const page: OrderListResponse = await commerce.listOrders({
    filterCustomerId: customer.id,
    sort: [OrderSortKey.TOTAL_CENTS],
    pagination: PaginationKind.Cursor,
    perPage: 2,
    cursor,
  });
  assert('hasMore' in page.pagination);
  seen.push(...page.data.map((each) => each.id));
  sizes.push(page.data.length);
  cursor = page.pagination.nextCursor;
}
assert.deepEqual(sizes, [2, 2, 1]);
assert.deepEqual(seen, orders.map((each) => each.id));
console.log('passed pages');

async function refusal(asked: Promise<unknown>): Promise<ErrorResponse> {
  try {
    await asked;
  } catch (error) {
    assert(error instanceof ResponseError);
    return ErrorResponseFromJSON(await error.response.json());
  }
  return assert.fail('it was not refused');
}

const refused = await refusal(
  commerce.createOrder({
    orderCreate: { currency: Currency.Eur, lineItems: [{ productId: randomUUID(), quantity: 1 }] },
  }),
);
assert.deepEqual([refused.status, refused.code], [422, ErrorCode.VALIDATION_FAILED]);
assert.deepEqual(refused.errors?.['line_items.0.product_id'], [FieldErrorCode.NotFound]);
console.log('passed invalid');

async function moved(country: string) {
  return commerce.updateCustomer({ id: customer.id, ifMatch: firstTag, customerUpdate: { country } });
}

assert.equal((await moved('Italy')).data.country, 'Italy');
const stale = await refusal(moved('Spain'));
assert.deepEqual([stale.status, stale.code], [412, ErrorCode.PRECONDITION_FAILED]);
console.log('passed stale');
