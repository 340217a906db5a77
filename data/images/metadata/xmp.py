"""XMP without what shows or names people. Source: XMP specification part 1 to 3 (Adobe), MWG Guidelines 2.0.

The packet is edited as XML; one in which nothing has to go stays byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.dom import minidom

from defusedxml import minidom as safe
from defusedxml.common import DefusedXmlException

_XMP, _NOTE = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xmp/note/"
_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

PICTURES = {
    (_XMP, "Thumbnails"),
    (_NOTE, "HasExtendedXMP"),  # the extension, which holds pictures and depth maps, goes with it
    ("http://ns.adobe.com/xap/1.0/g/img/", "*"),
    ("http://ns.google.com/photos/1.0/image/", "*"),
    ("http://ns.google.com/photos/1.0/depthmap/", "*"),
    ("http://ns.google.com/photos/1.0/camera/", "*"),  # MicroVideo, MotionPhoto
    ("http://ns.google.com/photos/1.0/container/", "*"),
    ("http://ns.google.com/photos/dd/1.0/device/", "*"),
    ("http://ns.adobe.com/hdr-gain-map/1.0/", "*"),
}
"""(namespace, local name or *) of what still shows the people: taken out of every photo from which people were."""

FACES = {
    ("http://www.metadataworkinggroup.com/schemas/regions/", "*"),
    ("http://ns.microsoft.com/photo/1.2/", "*"),
    ("http://ns.microsoft.com/photo/1.2/t/RegionInfo#", "*"),
    ("http://ns.microsoft.com/photo/1.2/t/Region#", "*"),
    ("http://ns.apple.com/faceinfo/1.0/", "*"),
    ("http://ns.acdsee.com/regions/", "*"),
    ("http://www.iview-multimedia.com/mediapro/1.0/", "People"),
    (_EXT, "ImageRegion"),
    (_EXT, "PersonInImage"),
    (_EXT, "PersonInImageWDetails"),
}
"""Where faces are and whose."""

WORDS = ((PICTURES, "XMP previews"), (FACES, "face regions"))


def without_people(packet: bytes) -> tuple[bytes, list[str]]:
    """The packet without previews and face regions, and what was taken out.

    A packet that cannot be parsed goes as a whole (b"").
    """
    text = packet.rstrip(b"\0")
    try:
        document = safe.parseString(text, forbid_dtd=True)
    except (DefusedXmlException, Exception):  # expat and the codecs raise many kinds
        return b"", ["unreadable XMP"]
    gone = []
    for names, words in WORDS:
        if sum(_remove(node, names) for node in list(_elements(document.documentElement))):
            gone.append(words)
    if not gone:
        return packet, []
    try:
        out: bytes = b"".join(_serialised(child) for child in document.childNodes)
    except (ValueError, RecursionError):  # nested deeper than the serialiser goes
        return b"", ["unreadable XMP"]
    return out, gone


def _elements(root: minidom.Element | None) -> Iterator[minidom.Element]:
    """The element and all below it, without recursion (packets can be nested as deep as they like)."""
    stack = [root] if root is not None else []
    while stack:
        node = stack.pop()
        yield node
        stack += [child for child in node.childNodes if child.nodeType == child.ELEMENT_NODE]


def _remove(node: minidom.Element, names: set[tuple[str, str]]) -> int:
    """Take `names` off an element: attributes, and child elements."""
    count = 0
    for attribute in list(node.attributes.values()):
        if _matches(attribute.namespaceURI, attribute.localName, names):
            node.removeAttributeNode(attribute)
            count += 1
    for child in list(node.childNodes):
        if child.nodeType == child.ELEMENT_NODE and _matches(child.namespaceURI, child.localName, names):
            node.removeChild(child)
            count += 1
    return count


def _matches(namespace: str | None, name: str | None, names: set[tuple[str, str]]) -> bool:
    if namespace is None or name is None:
        return False
    return (namespace, name) in names or (namespace, "*") in names


def _serialised(node: minidom.Node) -> bytes:
    text: str = node.toxml()
    return text.encode("utf-8")
