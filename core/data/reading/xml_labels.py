"""Read XML label files without expanding or fetching anything."""

from __future__ import annotations

from typing import Any

from core.data.reading.encodings import decode_text
from core.data.reading.tree import Tree


def xml_head(tree: Tree, name: str) -> str:
    """Return how an XML file begins, whatever its encoding."""
    with tree.files[name].open("rb") as file:
        return decode_text(file.read(4096))


def parse_xml(tree: Tree, name: str) -> Any:
    """Return the root element, None when the file is not well-formed or holds entities (which bombs are made of)."""
    import defusedxml.ElementTree
    from defusedxml import DefusedXmlException

    try:
        return defusedxml.ElementTree.fromstring(tree.files[name].read_bytes(), forbid_dtd=False)
    except (DefusedXmlException, SyntaxError, ValueError, LookupError):
        return None
