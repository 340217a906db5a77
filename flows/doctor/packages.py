"""The packages that are installed, against what the program asks for and what was tried together."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions, requires, version
from importlib.resources import files
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from flows.doctor.finding import Finding

NAME = "person-removal"
_WHY = {
    "fastapi": "with a newer one Prefect's server dies when it starts",
    "sqlalchemy": "with a newer one Prefect's schedules never fire",
}


def check_python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    tried = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield (
        Finding("python", "ok", found)
        if tried
        else Finding(
            "python", "note", f"{found}; tried with 3.11 to 3.13", "make a virtual environment with one of these"
        )
    )


def check_packages() -> Iterator[Finding]:
    """What pyproject.toml asks for (problems), and what constraints.txt pins (notes)."""
    wanted = list(_wanted())
    for requirement, extra in wanted:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            if not extra:
                yield Finding(requirement.name, "problem", "not installed", _install(requirement))
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            why = _WHY.get(requirement.name.lower())
            what = f"{found} is installed, {requirement.specifier} is needed" + (f": {why}" if why else "")
            yield Finding(requirement.name, "problem", what, _install(requirement))
    others = []
    for pin in _tried():
        here = _version(pin.name)
        if here and not pin.specifier.contains(here, prereleases=True):
            others.append(f"{pin.name} {here} (tried with {str(pin.specifier).removeprefix('==')})")
    if others:
        yield Finding(
            "packages",
            "note",
            f"{len(others)} others than the ones tried together: {', '.join(others)}",
            "pip install -c constraints.txt -e . takes those that were",
        )
    else:
        count = sum(_version(requirement.name) is not None for requirement, _ in wanted)
        yield Finding("packages", "ok", f"{count} packages, the versions that were tried together")


def check_opencv() -> Iterator[Finding]:
    """Two packages that both bring `cv2`: the last one installed wins, file by file."""
    owners = sorted(set(packages_distributions().get("cv2", ())))
    if len(owners) > 1:
        others = " ".join(name for name in owners if name != "opencv-python")
        yield Finding(
            "opencv",
            "problem",
            f"{' and '.join(owners)} both bring cv2; what is imported is a mix of the two",
            f"pip uninstall -y {others} && pip install --force-reinstall --no-deps opencv-python",
        )
    try:
        cv2 = import_module("cv2")
    except ImportError as error:
        yield Finding("opencv", "problem", f"cannot be imported ({error})", "apt-get install libgl1 libglib2.0-0")
        return
    if len(owners) <= 1:
        yield Finding("opencv", "ok", f"{', '.join(owners) or 'cv2'} {cv2.__version__}")


def check_images() -> Iterator[Finding]:
    """The kinds of image files that this Pillow and jpeglib can write back."""
    from PIL import features

    missing = [kind for kind in ("jpg", "zlib", "libtiff", "webp", "jpg_2000", "avif") if not features.check(kind)]
    if missing:
        yield Finding(
            "image files", "note", f"Pillow has no {', '.join(missing)}: such photos are refused", "pip install pillow"
        )
    try:
        import_module("jpeglib")
    except (ImportError, OSError):
        yield Finding(
            "image files",
            "note",
            "without jpeglib a JPEG that is changed is encoded anew as a whole; the manifest says so",
            "pip install jpeglib, where it has a build for this platform",
        )
        return
    if not missing:
        yield Finding("image files", "ok", "every kind, JPEG without encoding it anew")


def _wanted() -> Iterator[tuple[Requirement, str]]:
    """Requirements of this platform, each with the extra that it belongs to ('' for none)."""
    extras = [extra for extra in metadata(NAME).get_all("Provides-Extra") or () if extra != "dev"]
    for line in requires(NAME) or ():
        requirement = Requirement(line)
        for extra in ("", *extras):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                yield requirement, extra
                break


def _tried() -> Iterator[Requirement]:
    """constraints.txt, beside the source tree or in the wheel."""
    for path in (
        Path(str(files("configs"))) / "constraints.txt",
        Path(str(files("configs"))).parent / "constraints.txt",
    ):
        if path.is_file():
            lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
            yield from (Requirement(line) for line in lines if line)
            return


def _version(name: str) -> str | None:
    try:
        return version(name)
    except (PackageNotFoundError, InvalidVersion):
        return None


def _install(requirement: Requirement) -> str:
    return f"pip install '{requirement.name}{requirement.specifier}'"
