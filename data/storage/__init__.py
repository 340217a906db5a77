"""Places, atomic files and the artifact store."""
