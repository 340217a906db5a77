"""The Prefect server that PREFECT_API_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version

from flows.deployments.server import answers, version_of
from flows.doctor.finding import Finding


def check_server() -> Iterator[Finding]:
    api = os.environ.get("PREFECT_API_URL")
    if not api:
        yield Finding("prefect", "ok", f"{version('prefect')}; PREFECT_API_URL is not set, so runs need no server")
        return
    if not answers(api):
        fix = "start it (person-removal serve), correct PREFECT_API_URL, or unset it"
        yield Finding("prefect", "problem", f"no server answers at {api}", fix)
        return
    theirs, ours = version_of(api), version("prefect")
    if theirs == ours:
        yield Finding("prefect", "ok", f"the server at {api} is {ours}, as here")
    else:
        what = f"the server at {api} is {theirs or 'of an unknown version'}, here it is {ours}"
        yield Finding("prefect", "note", what, f"pip install prefect=={ours} where the server runs")
