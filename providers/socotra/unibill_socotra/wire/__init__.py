"""Socotra's shapes, by topic: what its API sends, under its own field names."""
