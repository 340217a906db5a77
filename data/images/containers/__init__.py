"""Image files as blocks, chunks and tags."""
