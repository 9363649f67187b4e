/** Everything that the story asks. */
import { graphql } from "./generated/index.js";

export const ProblemParts = graphql(`
  fragment ProblemParts on Problem {
    code
    status
    detail
    fieldErrors {
      field
      code
      message
    }
  }
`);

export const OrderParts = graphql(`
  fragment OrderParts on Order {
    id
    etag
    number
    status
    currency
    totalCents
    taxRate
    placedAt
    metadata
    customer {
      id
      name
    }
    items(first: 10) {
      nodes {
        id
        quantity
        product {
          id
          name
        }
      }
    }
  }
`);

export const CreateCustomer = graphql(`
  mutation CreateCustomer($input: CustomerCreateInput!, $key: String) {
    createCustomer(input: $input, idempotencyKey: $key) {
      customer {
        id
        name
        email
      }
      problem {
        ...ProblemParts
      }
      replayed
    }
  }
`);

export const CreateCustomers = graphql(`
  mutation CreateCustomers($items: [CustomerCreateInput!]!) {
    createCustomers(items: $items) {
      results {
        rowId
        status
      }
      problem {
        ...ProblemParts
      }
    }
  }
`);

export const CreateProduct = graphql(`
  mutation CreateProduct($input: ProductCreateInput!) {
    createProduct(input: $input) {
      product {
        id
        name
        status
        priceCents
      }
      problem {
        ...ProblemParts
      }
    }
  }
`);

export const CreateOrder = graphql(`
  mutation CreateOrder($input: OrderCreateInput!) {
    createOrder(input: $input) {
      order {
        ...OrderParts
      }
      problem {
        ...ProblemParts
      }
    }
  }
`);

export const ConfirmOrder = graphql(`
  mutation ConfirmOrder($id: ID!, $ifMatch: String) {
    confirmOrder(id: $id, ifMatch: $ifMatch) {
      order {
        ...OrderParts
      }
      problem {
        ...ProblemParts
      }
    }
  }
`);

export const UpdateOrder = graphql(`
  mutation UpdateOrder($id: ID!, $ifMatch: String, $input: OrderUpdateInput!) {
    updateOrder(id: $id, ifMatch: $ifMatch, input: $input) {
      order {
        ...OrderParts
      }
      problem {
        ...ProblemParts
      }
    }
  }
`);

export const Orders = graphql(`
  query Orders($filter: OrderFilter, $first: Int, $after: String) {
    orders(filter: $filter, sort: [NUMBER_DESC], first: $first, after: $after) {
      edges {
        node {
          ...OrderParts
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`);

export const Customers = graphql(`
  query Customers($filter: CustomerFilter, $first: Int, $after: String) {
    customers(filter: $filter, sort: [NAME_ASC], first: $first, after: $after) {
      edges {
        node {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      totalCount
    }
  }
`);
