"""The plan of a run: photos with everything that decides their keys, in shards."""
