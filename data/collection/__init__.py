"""Collections in: folders, annotation files, keep-lists, marks."""
