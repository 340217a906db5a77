"""The base job template of a Kubernetes work pool for runs of person-removal, as JSON on stdout.

    prefect work-pool get-default-base-job-template --type kubernetes > theirs.json
    python deploy/kubernetes/job-template.py IMAGE CLAIM < theirs.json > template.json

It is Prefect's own template with the image, a volume claim at /data that has the weights too (weights.yaml), and memory
and cores that a run needs.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MEMORY, CORES, WEIGHTS = "8Gi", "4", "/data/weights"


def with_ours(template: dict[str, Any], image: str, claim: str) -> dict[str, Any]:
    """The template for this image; `claim` is mounted at /data of every job."""
    variables = template["variables"]["properties"]
    variables["image"]["default"] = image
    variables["memory_request"]["default"], variables["cpu_request"]["default"] = MEMORY, CORES
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    for container in pod["containers"]:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        # the image's own entry point is `person-removal`, the job's command is Prefect's
        container["command"] = ["env", f"PERSON_REMOVAL_CACHE={WEIGHTS}"]
    return template


if __name__ == "__main__":
    print(json.dumps(with_ours(json.load(sys.stdin), *sys.argv[1:3]), indent=1))
