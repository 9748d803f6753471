"""Pure computing: no I/O, no clock, no randomness."""
