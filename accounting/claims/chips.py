"""The accelerators that a claim names, and how many of each: "4,000 B200 + 4,080 H100", "16,000 GPUs"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from accounting.errors import quote
from accounting.reference.facts import Facts
from accounting.reference.variants import find_variants, models_of_architecture, variants
from bench.errors import InputError

# the unit that capacities are compared in; one is an H100 SXM
H100E = "H100e"
_H100E_IDS = ("nvidia-h100-sxm",)

_LONGEST_NAME = 6
_BREAK = "|"
_COUNT = re.compile(r"\d+(?:\.\d+)?[kKM]?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LIKE_A_MODEL = re.compile(r"[A-Za-z]+-?\d")
# a rack by the number of its GPUs, as in GB200 NVL72
_LIKE_A_RACK = re.compile(r"\bnvl\d", re.IGNORECASE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BETWEEN_COUNT_AND_NAME = _words("x of nvidia amd intel google huawei")
_PIECES = _words(
    "gpu gpus accelerator accelerators chip chips superchip superchips card cards npu npus tpu tpus"
)
_SYSTEMS = _words(
    "rack racks node nodes server servers system systems cabinet cabinets tray trays pod pods "
    "superpod superpods dgx hgx"
)
# words of claims that tell nothing of their reading
_FILLERS = _words(
    "a an and at by for from in is of on our the this to up with peak performance compute computing "
    "precision total theoretical system supercomputer training inference using gpus"
)
_GIVE_OPTIONS = "give --accelerator and --count"


@dataclass(frozen=True)
class NamedChips:
    """Accelerators that go by one name: the models it may mean, and how many there are where said."""

    name: str
    ids: tuple[str, ...]
    count: float | None = None

    def __str__(self) -> str:
        """Read as people write it: ``16,384 H100``."""
        return self.name if self.count is None else f"{self.count:,.0f} {self.name}"


@dataclass(frozen=True)
class FoundChips:
    """What a claim says of accelerators; ``count`` is of no named model, ``unread`` the words left over."""

    chips: tuple[NamedChips, ...]
    count: float | None
    unread: str


def named_chips(name: str, facts: Facts, count: float | None = None) -> NamedChips:
    """Return the accelerators of a name; the unit H100e is the H100 SXM.

    Raises:
        InputError, UnknownNameError: as :func:`accounting.reference.variants.variants`.
    """
    if _is_h100e(name):
        return NamedChips(H100E, _H100E_IDS, count)
    plain = " ".join(name.split())
    return NamedChips(plain, variants(plain, facts), count)


def find_chips(text: str, facts: Facts) -> FoundChips:
    """Find accelerators and counts among the words of a claim whose rate has been taken out.

    Raises:
        InputError: a count of racks or servers, two counts of one model, an architecture in place of a model.
        UnknownNameError: a count of a model that is not known.
    """
    return _Reader(_tokens(text), facts).read()


def check_count(count: float, found: str) -> float:
    """Return a count of accelerators.

    Raises:
        InputError: not a whole number above 0.
    """
    if count <= 0 or count != round(count):
        raise InputError(f"a count of accelerators must be a whole number above 0 (found {quote(found)})")
    return count


class _Reader:
    """Walks through words, taking counts and names, and keeping what is neither."""

    def __init__(self, tokens: list[str], facts: Facts) -> None:
        self.tokens = tokens
        self.facts = facts
        self.chips: list[NamedChips] = []
        self.counts: list[float] = []
        self.unread: list[str] = []

    def read(self) -> FoundChips:
        place = 0
        while place < len(self.tokens):
            place = self._count(place) if _COUNT.fullmatch(self.tokens[place]) else self._word(place)
        left = [
            word for word in self.unread if any(map(str.isalnum, word)) and word.casefold() not in _FILLERS
        ]
        if not self.chips:
            for word in left:
                if models_of_architecture(word, self.facts):
                    variants(word, self.facts)
        return _joined(self.chips, self.counts, " ".join(left))

    def _count(self, place: int) -> int:
        """Read a count with what it counts; return the place after."""
        text, after = self.tokens[place], place + 1
        if re.fullmatch(r"\d{3}", self._at(after)) and not _YEAR.fullmatch(text):
            found = quote(f"{text} {self._at(after)}")
            raise InputError(f"a space inside a number (found {found}); write a comma between thousands")
        named = self._skip(after, _BETWEEN_COUNT_AND_NAME)
        chip, end = self._chip_at(named)
        if chip is not None:
            self._refuse_systems(place, end, chip.name)
            self.chips.append(replace(chip, count=_number(text)))
            return self._skip(end, _PIECES)
        for words_between in range(3):
            piece = named + words_between
            if self._at(piece).casefold() in _PIECES:
                self._refuse_models(named, piece)
                self.counts.append(_number(text))
                return piece + 1
        if self._at(named).casefold() in _SYSTEMS:
            self._refuse_systems(place, named, "")
        if not _YEAR.fullmatch(text):
            self._refuse_models(named, named + 1)
        self.unread.append(text)
        return after

    def _word(self, place: int) -> int:
        """Read a name without a count before it, or leave a word unread; return the place after."""
        chip, end = self._chip_at(place)
        if chip is None:
            self.unread.append(self.tokens[place])
            return place + 1
        count = None
        if self._at(end) == "x" and _COUNT.fullmatch(self._at(end + 1)):
            count, end = _number(self.tokens[end + 1]), end + 2
        self.chips.append(replace(chip, count=count))
        return self._skip(end, _PIECES)

    def _chip_at(self, place: int) -> tuple[NamedChips | None, int]:
        """The longest name that begins at a place, and where it ends."""
        for end in range(min(len(self.tokens), place + _LONGEST_NAME), place, -1):
            words = self.tokens[place:end]
            name = " ".join(words)
            for spelling in (name, name.removesuffix("s")) if _BREAK not in words else ():
                if _is_h100e(spelling) or find_variants(spelling, self.facts):
                    return named_chips(spelling, self.facts), end
        return None, place

    def _refuse_systems(self, start: int, end: int, name: str) -> None:
        """Refuse a count of what holds more than one accelerator."""
        follows = self._at(self._skip(end, _PIECES)).casefold()
        is_rack = _LIKE_A_RACK.search(name) and self._at(end).casefold() not in _PIECES
        if follows in _SYSTEMS or is_rack:
            found = quote(" ".join(self.tokens[start : end + (follows in _SYSTEMS)]))
            raise InputError(f"a count of systems, not of accelerators (found {found}); {_GIVE_OPTIONS}")

    def _refuse_models(self, start: int, end: int) -> None:
        """Refuse words that look like a model, or are an architecture, where a known model must stand."""
        for word in self.tokens[start:end]:
            if _LIKE_A_MODEL.match(word) or models_of_architecture(word, self.facts):
                variants(word, self.facts)

    def _skip(self, place: int, words: frozenset[str]) -> int:
        while self._at(place).casefold() in words:
            place += 1
        return place

    def _at(self, place: int) -> str:
        return self.tokens[place] if place < len(self.tokens) else ""


def _tokens(text: str) -> list[str]:
    """Split into words; ``|`` stands wherever a name cannot go on."""
    without_thousands = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    apart = re.sub(r"[,;:()=+\"“”‘’|/]+|(?<!\d)'|'(?!\d)|\.(?!\d)", f" {_BREAK} ", without_thousands)
    return re.sub(r"[×*]|(?<=\d)x(?=\s)", " x ", apart).split()


def _number(text: str) -> float:
    scale = {"k": 1e3, "K": 1e3, "M": 1e6}.get(text[-1], 1.0)
    return check_count(float(text.rstrip("kKM")) * scale, text)


def _joined(chips: Iterable[NamedChips], counts: list[float], unread: str) -> FoundChips:
    kept: dict[tuple[str, ...], NamedChips] = {}
    for chip in chips:
        known = kept.get(chip.ids)
        if known is not None and None not in (known.count, chip.count) and known.count != chip.count:
            raise InputError(f"the claim gives two counts of one accelerator (found {known} and {chip})")
        if known is None or known.count is None:
            kept[chip.ids] = chip
    if len(set(counts)) > 1:
        found = " and ".join(f"{count:,.0f}" for count in counts)
        raise InputError(f"the claim gives two counts (found {found}); {_GIVE_OPTIONS}")
    only = next(iter(kept.values())) if len(kept) == 1 else None
    if counts and only is not None and only.count is None:
        return FoundChips((replace(only, count=counts[0]),), None, unread)
    return FoundChips(tuple(kept.values()), counts[0] if counts else None, unread)


def _is_h100e(name: str) -> bool:
    return name.strip().casefold() == H100E.casefold()
