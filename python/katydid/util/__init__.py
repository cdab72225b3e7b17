"""Small helpers, by the module names scripts import them from."""
