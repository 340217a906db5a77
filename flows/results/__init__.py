"""What a run leaves beside the photos: manifest, annotations, provenance."""
