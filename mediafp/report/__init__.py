"""Evidence for people: pages, tables and side-by-side clips."""
