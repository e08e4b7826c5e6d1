"""One facade over the credits, allocations and charges of several billing systems."""

__version__ = "0.1.0"
