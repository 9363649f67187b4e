/** Everything that the story asks. */
import { graphql } from "relay-runtime";

export const problemParts = graphql`
  fragment documents_problem on Problem @inline {
    code
    status
    detail
    fieldErrors {
      field
      code
      message
    }
  }
`;

export const orderParts = graphql`
  fragment documents_order on Order @inline {
    id
    etag
    number
    status
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
`;

export const createCustomer = graphql`
  mutation documentsCreateCustomerMutation($input: CustomerCreateInput!, $key: String) {
    createCustomer(input: $input, idempotencyKey: $key) {
      customer {
        id
        name
      }
      problem {
        ...documents_problem
      }
      replayed
    }
  }
`;

// Puts the new customer at the end of every list that is named.
export const appendCustomer = graphql`
  mutation documentsAppendCustomerMutation($input: CustomerCreateInput!, $connections: [ID!]!) {
    createCustomer(input: $input) {
      customer @appendNode(connections: $connections, edgeTypeName: "CustomerEdge") {
        id
        name
      }
      problem {
        ...documents_problem
      }
    }
  }
`;

export const deleteCustomer = graphql`
  mutation documentsDeleteCustomerMutation($id: ID!, $connections: [ID!]!) {
    deleteCustomer(id: $id) {
      deletedId @deleteEdge(connections: $connections)
      problem {
        ...documents_problem
      }
    }
  }
`;

export const createCustomers = graphql`
  mutation documentsCreateCustomersMutation($items: [CustomerCreateInput!]!) {
    createCustomers(items: $items) {
      results {
        rowId
      }
      problem {
        ...documents_problem
      }
    }
  }
`;

export const createProduct = graphql`
  mutation documentsCreateProductMutation($input: ProductCreateInput!) {
    createProduct(input: $input) {
      product {
        id
        status
        priceCents
      }
      problem {
        ...documents_problem
      }
    }
  }
`;

export const createOrder = graphql`
  mutation documentsCreateOrderMutation($input: OrderCreateInput!) {
    createOrder(input: $input) {
      order {
        ...documents_order
      }
      problem {
        ...documents_problem
      }
    }
  }
`;

export const confirmOrder = graphql`
  mutation documentsConfirmOrderMutation($id: ID!, $ifMatch: String) {
    confirmOrder(id: $id, ifMatch: $ifMatch) {
      order {
        ...documents_order
      }
      problem {
        ...documents_problem
      }
    }
  }
`;

export const updateOrder = graphql`
  mutation documentsUpdateOrderMutation($id: ID!, $ifMatch: String, $input: OrderUpdateInput!) {
    updateOrder(id: $id, ifMatch: $ifMatch, input: $input) {
      order {
        ...documents_order
      }
      problem {
        ...documents_problem
      }
    }
  }
`;

export const orders = graphql`
  query documentsOrdersQuery($filter: OrderFilter, $first: Int) {
    orders(filter: $filter, sort: [NUMBER_DESC], first: $first) {
      edges {
        node {
          ...documents_order
        }
      }
      totalCount
    }
  }
`;

export const customers = graphql`
  query documentsCustomersQuery($filter: CustomerFilter, $count: Int!) {
    ...documents_customers @arguments(filter: $filter, count: $count)
  }
`;

// A list that goes on, and how to ask for more of it.
export const customersList = graphql`
  fragment documents_customers on Query
  @argumentDefinitions(filter: { type: "CustomerFilter" }, count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "documentsMoreCustomersQuery") {
    customers(filter: $filter, sort: [NAME_ASC], first: $count, after: $cursor)
      @connection(key: "documents_customers", filters: ["filter"]) {
      __id
      edges {
        node {
          id
          name
        }
      }
      totalCount
    }
  }
`;

// A node that is asked for again by its id alone.
export const customerRow = graphql`
  fragment documents_customer on Customer @refetchable(queryName: "documentsCustomerQuery") {
    id
    name
    phone
  }
`;
