"""A whole run: its job, workers, progress, lock, upkeep of the store."""
