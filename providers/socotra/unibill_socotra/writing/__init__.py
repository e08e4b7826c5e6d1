"""The flows that write: a credit as a charge, its allocations as distributions, and their undoing."""
