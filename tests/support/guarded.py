"""The command line in a process that may open no connection and look up no name."""

GUARDED = """
import sys

def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        sys.stderr.write(f"NETWORK {event} {arguments[1:]}\\n")
        raise RuntimeError("network use")

sys.addaudithook(guard)
from flows.cli.main import main
main()
"""
