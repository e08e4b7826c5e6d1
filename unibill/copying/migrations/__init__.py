"""How the tables of a run in a database come to be, and change from version to version."""
