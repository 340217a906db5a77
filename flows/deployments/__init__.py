"""The flow as Prefect deployments: registering them, a server and a worker for one machine, names without a slash.

Nothing here imports Prefect when it is imported: the command line must not wait for it.
"""

from configs import UserError

POOL = "person-removal"
"""The work pool that the deployments ask for; a process work pool, its workers run flows as processes of theirs."""


RETENTION = 90
"""Days for which `person-removal serve` keeps runs with their logs and artifacts."""


class ServerError(UserError):
    """Prefect has no server to talk to, or not the one that is needed; one sentence for the user."""
