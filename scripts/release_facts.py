"""Parts of a release as text: pinned requirements from pip's report, and the licences of an environment.

release_facts.py lock REPORT.json     name==version with the hash of its wheel, a line each
release_facts.py licences             package, version, licence of the environment that runs this, as CSV

Only the standard library: the second runs in an environment that holds what is released and nothing else.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from importlib import metadata
from pathlib import Path

# of the whole package: a notice beside it, such as of a library linked into a wheel, is none
COPYLEFT = re.compile(r"\bA?GPL|General Public License|\bSSPL|European Union Public", re.IGNORECASE)
WEAK = re.compile(r"Lesser|Library General|\bLGPL|\bMPL|linking exception|with GCC-exception", re.IGNORECASE)
OURS = "flopcensus"


def lock(report: str) -> str:
    """Return the requirements of a pip report, ours left out, with hashes and without addresses.

    Raises:
        SystemExit: a package comes without a hash.
    """
    lines = []
    for item in json.loads(report)["install"]:
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        if name.lower() == OURS:
            continue
        digest = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if not digest:
            raise SystemExit(f"{name} {version} comes without a hash")
        lines.append(f"{re.sub(r'[-_.]+', '-', name).lower()}=={version} --hash=sha256:{digest}")
    return "\n".join(sorted(lines)) + "\n"


def licence_of(found: metadata.PackageMetadata) -> str:
    """Return what a package says of its licence: its expression, its classifiers, or the first line."""
    if expression := found.get("License-Expression"):
        return str(expression)
    classifiers = [
        c.rpartition(" :: ")[2] for c in found.get_all("Classifier") or () if c.startswith("License ::")
    ]
    if classifiers:
        return "; ".join(sorted(classifiers))
    return str(found.get("License") or "unknown").strip().splitlines()[0][:120]


def is_copyleft(licence: str) -> bool:
    """Return whether a licence asks the same of what uses the package; one way out of several is enough.

    >>> is_copyleft("GPL-3.0-only"), is_copyleft("LGPL-2.1-only"), is_copyleft("MIT OR GPL-2.0-only")
    (True, False, False)
    """
    parts = re.split(r"\s+AND\s+", licence)
    return any(
        all(COPYLEFT.search(way) and not WEAK.search(way) for way in re.split(r"\s+OR\s+", part))
        for part in parts
    )


def main(words: list[str]) -> None:
    """Write what is asked for to stdout."""
    if words[:1] == ["lock"] and len(words) == 2:
        sys.stdout.write(lock(Path(words[1]).read_text(encoding="utf-8")))
        return
    if words != ["licences"]:
        raise SystemExit(__doc__)
    rows = sorted((d.metadata["Name"], d.version, licence_of(d.metadata)) for d in metadata.distributions())
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([("package", "version", "licence"), *rows])
    refused = [
        f"{name}: {licence}" for name, _, licence in rows if is_copyleft(licence) or licence == "unknown"
    ]
    if refused:
        raise SystemExit("licences that need a look before a release: " + "; ".join(refused))


if __name__ == "__main__":
    main(sys.argv[1:])
