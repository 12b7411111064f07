"""Arrays in, fingerprints out; one file a type."""
