"""What a run works on: photos, decisions, selection, shard manifests."""
