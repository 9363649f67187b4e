/** Any JSON value, such as `metadata` holds. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
