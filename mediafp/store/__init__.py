"""The only place that knows SQL and index libraries."""
