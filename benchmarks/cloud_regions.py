"""Count the cloud regions with accelerators of configs/clouds, beside the published survey.

python benchmarks/cloud_regions.py [FOLDER]
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accounting.reference.clouds import Cloud, CloudRegion, load_clouds
from accounting.reference.facts import Facts, load_facts
from accounting.reference.shipped import configs_root

# the survey groups providers by their seat: Exoscale is Swiss there, whoever controls it
HOMES = {
    "US": ("amazon", "google", "microsoft"),
    "China": ("alibaba", "huawei", "tencent"),
    "Europe": ("exoscale", "hetzner", "ovhcloud"),
}
# Hawkins, Lehdonvirta and Wu 2025, regions as of November 2024
PUBLISHED_REGIONS = 225
PUBLISHED_OFFERING = 132
PUBLISHED_COUNTRIES = 33
PUBLISHED_HOMES = {"US": 87, "China": 39, "Europe": 6}
PUBLISHED_TERRITORIES = {"EU": 28, "US": 26, "CN": 22}
SPECIAL = ("HK", "MO", "TW")
WIDTH = 100


@dataclass(frozen=True)
class Count:
    """Regions of one provider or of many: each offers accelerators, is without, or is unknown."""

    regions: int
    offering: int
    unknown: int

    @property
    def without(self) -> int:
        """Return the number of regions whose pages offer no accelerator."""
        return self.regions - self.offering - self.unknown


def offers(region: CloudRegion) -> bool:
    """Say whether a region offers an accelerator that counts."""
    return bool(region.accelerators or region.designers)


def count(clouds: Iterable[Cloud]) -> Count:
    """Count the regions of all ``clouds``."""
    regions = [region for cloud in clouds for region in cloud.regions]
    return Count(len(regions), sum(map(offers, regions)), sum(region.unknown for region in regions))


def by_territory(regions: Iterable[CloudRegion]) -> dict[str, int]:
    """Return the number of regions by territory, the largest first."""
    found: dict[str, int] = {}
    for region in regions:
        found[region.territory] = found.get(region.territory, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def row(name: str, date: str, tally: Count, published: object = "") -> str:
    """Format a row of the table."""
    numbers = f"{tally.regions:9}{tally.offering:10}{tally.without:9}{tally.unknown:9}{published!s:>11}"
    return f"{name:12}{date:12}{numbers}"


def print_providers(clouds: Sequence[Cloud]) -> None:
    """Print the counts by provider and by the seat of the provider."""
    print(f"{'':12}{'as of':12}{'regions':>9}{'offering':>10}{'without':>9}{'unknown':>9}{'published':>11}")
    for home, providers in HOMES.items():
        own = [cloud for cloud in clouds if cloud.provider in providers]
        for cloud in own:
            print(row(cloud.provider, str(cloud.date), count([cloud])))
        print(row(home, "", count(own), PUBLISHED_HOMES[home]))
    print(row("all", "", count(clouds), PUBLISHED_OFFERING))
    print(f"(all regions, published: {PUBLISHED_REGIONS})")


def print_territories(clouds: Sequence[Cloud], facts: Facts) -> None:
    """Print the counts by territory, and those of the groups that were published."""
    regions = [region for cloud in clouds for region in cloud.regions]
    ours = by_territory(region for region in regions if offers(region))
    doubtful = {region.territory for region in regions if region.unknown} - set(ours)
    special = [code for code in SPECIAL if code in ours]
    print(f"\nterritories with accelerators: {len(ours)} (published: {PUBLISHED_COUNTRIES} countries)")
    print(f"without {', '.join(special) or 'none'}: {len(ours) - len(special)}")
    print(f"no accelerators known, some regions unknown: {' '.join(sorted(doubtful)) or 'none'}")
    print(textwrap.fill(" ".join(f"{code}:{number}" for code, number in ours.items()), WIDTH))
    members = facts.groups_on(max(cloud.date for cloud in clouds))["EU"]
    groups = {"EU": members, "US": ("US",), "CN": ("CN",)}
    for code, within in groups.items():
        standing = sum(ours.get(territory, 0) for territory in within)
        print(f"standing in {code}: {standing} (published: {PUBLISHED_TERRITORIES[code]})")
    print(f"standing in HK: {ours.get('HK', 0)}")


def print_lists(clouds: Sequence[Cloud]) -> None:
    """Print the regions without accelerators and the unknown ones."""
    for title, unknown in (("without", False), ("unknown", True)):
        print(f"\n{title}:")
        for cloud in clouds:
            codes = [r.code for r in cloud.regions if not offers(r) and r.unknown is unknown]
            if codes:
                text = f"{cloud.provider}: {' '.join(codes)}"
                lines = textwrap.wrap(text, WIDTH - 4, break_on_hyphens=False)
                print("  " + "\n    ".join(lines))


def main(folder: str | None = None) -> None:
    """Print all tables for the clouds of ``folder`` (the shipped ones where left out)."""
    facts = load_facts()
    clouds = load_clouds(Path(folder) if folder else configs_root() / "clouds", facts)
    print_providers(clouds)
    print_territories(clouds, facts)
    print_lists(clouds)


if __name__ == "__main__":
    main(*sys.argv[1:2])
