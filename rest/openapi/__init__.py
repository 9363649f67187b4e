"""The OpenAPI 3.1 document, derived from the declarations as the surface itself is."""
