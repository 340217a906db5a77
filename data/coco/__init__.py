"""COCO annotation files: read, cut into one slice a photo, edited (never exported anew), and put back."""

from data.coco.edit import REMOVED, Edit, Fate, write_edited
from data.coco.errors import CocoError, NotAnnotationsError
from data.coco.file import CocoFile, load_coco
from data.coco.overlap import HoleRle
from data.coco.undo import Restored, undo

__all__ = [
    "REMOVED",
    "CocoError",
    "CocoFile",
    "Edit",
    "Fate",
    "HoleRle",
    "NotAnnotationsError",
    "Restored",
    "load_coco",
    "undo",
    "write_edited",
]
