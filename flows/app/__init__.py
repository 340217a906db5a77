"""`person-removal app`: one photo in a browser on this machine."""
