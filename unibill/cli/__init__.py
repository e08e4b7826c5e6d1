"""The command line: thin over the library. Each command imports what it needs when it runs."""
