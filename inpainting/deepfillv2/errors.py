"""What can go wrong with a checkpoint."""

from __future__ import annotations


class CheckpointError(ValueError):
    """Weights that are not a DeepFillv2 generator; one sentence that names the file and what differs."""
