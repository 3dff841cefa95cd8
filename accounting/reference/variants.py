"""The models that a name without form factor or memory may mean: "H100" is a module, a PCIe card, an NVL.

Nothing is guessed. The relation is read off the ids (``vendor-model[-form][-memory]``): a name stands for an
accelerator whose id it is, or whose id begins with it up to a dash, the vendor said or left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from accounting.errors import UnknownNameError, quote
from accounting.reference.facts import Facts, find_or_none
from bench.errors import InputError


def find_variants(name: str, facts: Facts) -> tuple[str, ...]:
    """Return the ids of all models that ``name`` may mean, none where it is not known.

    Three cases, of which the first that applies counts: an id means itself alone; a name that ids begin with
    means all of those ("H100"); any other name means what the alias table says. The table comes last because
    in it a bare "NVIDIA H100" stands for one form factor.

    >>> from accounting.reference.facts import load_facts
    >>> find_variants("P100", load_facts())
    ('nvidia-p100-sxm2', 'nvidia-p100-pcie', 'nvidia-p100-pcie-12gb')
    """
    slug = _slug(name)
    exact = tuple(i for i in facts.accelerators if slug in (i, _without_vendor(i)))
    if exact:
        return exact
    if _has_model_number(slug):
        begun = tuple(i for i in facts.accelerators if _begins(i, slug) or _begins(_without_vendor(i), slug))
        if begun:
            return begun
    designers = sorted({a.designer for a in facts.accelerators.values()})
    spellings = (name, *(f"{designer} {name}" for designer in designers))
    found = (find_or_none(facts.names.accelerators, spelling) for spelling in spellings if name.strip())
    return tuple(dict.fromkeys(identifier for identifier in found if identifier))


def variants(name: str, facts: Facts) -> tuple[str, ...]:
    """Return the ids of all models that ``name`` may mean.

    Raises:
        InputError: the name of an architecture, which no one model's rate stands for.
        UnknownNameError: not known; carries the nearest name that is.
    """
    found = find_variants(name, facts)
    if found:
        return found
    models = models_of_architecture(name, facts)
    if models:
        message = f"{quote(name)} is an architecture, not an accelerator; name one of {', '.join(models)}"
        raise InputError(message)
    raise UnknownNameError("accelerator", name, _spellings(facts))


def models_of_architecture(name: str, facts: Facts) -> tuple[str, ...]:
    """Return the ids of an architecture's models ("Blackwell"), none where the name is not one."""
    slug = _slug(name)
    families = ((a.id, a.family) for a in facts.accelerators.values())
    return tuple(identifier for identifier, f in families if slug in (f, _without_vendor(f)))


def _slug(name: str) -> str:
    return "-".join(name.casefold().split())


def _without_vendor(identifier: str) -> str:
    return identifier.partition("-")[2]


def _begins(identifier: str, slug: str) -> bool:
    return identifier.startswith(f"{slug}-")


def _has_model_number(slug: str) -> bool:
    """Whether a name tells a model: "tpu" and "ascend" are lines of products."""
    return any(character.isdigit() for character in slug)


def _spellings(facts: Facts) -> Iterator[str]:
    for identifier, accelerator in facts.accelerators.items():
        yield from (identifier, accelerator.name, *accelerator.aliases)
        model = _without_vendor(identifier).partition("-")[0]
        if _has_model_number(model):
            yield model.upper()
