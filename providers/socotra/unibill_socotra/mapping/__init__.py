"""Pure mappings between Socotra's wire records and the common model, both ways."""
