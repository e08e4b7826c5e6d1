"""The unibill provider for BillAgain."""
