"""What unibill ships for tests: of apps that use it, and of providers."""
