"""Business rules and the declarations of every resource."""
