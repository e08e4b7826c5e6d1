"""The unibill provider for Socotra."""
