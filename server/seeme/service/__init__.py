"""What the service does, in order, and its background work: no HTTP, no SQL."""
