"""From a process to a rank: meet the others, tell who one is, open torch's process group. Imports torch."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch._C._distributed_c10d import PrefixStore, TCPStore

from bench.devices.device import Device
from bench.group.rendezvous.endpoint import (
    ADDRESS,
    LOOPBACK,
    Endpoint,
    NoEndpointError,
    find,
    interface_of,
    is_loopback,
    own_addresses,
    publish,
    source_toward,
)
from bench.group.rendezvous.watch import Blamed, Watch
from bench.group.spec import Spec
from kernels.exchange.kinds import LIBRARIES

PREFIX = "flopcensus"
# The library's own limit comes after ours, which can say who was waited for.
LIBRARY_MARGIN_SECONDS = 30.0
MOST_NAMED = 8


@dataclass(frozen=True)
class Fact:
    """One rank, as all know it.

    Attributes:
        process: Rank of the process that started it.
        member: Number among its members.
        node: Name of its node.
        network: Node and network namespace, which loopback does not lead out of.
        device: Id of its device.
        kind: Kind of its device.
        name: Model of its device.
        address: Address that it goes out by.
        met_at: Address at which it found the meeting point.
    """

    process: int
    member: int
    node: str
    network: str
    device: str
    kind: str
    name: str
    address: str
    met_at: str


@dataclass
class Joined:
    """A rank among all.

    Attributes:
        rank: Its number.
        facts: Of all ranks, in order.
        watch: Whom to blame.
        store: Meeting point.
        interface: Network interface that Gloo was told to take; None where it was left to itself.
    """

    rank: int
    facts: tuple[Fact, ...]
    watch: Watch
    store: Any
    interface: str | None

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, in the order of their first ranks."""
        return tuple(dict.fromkeys(fact.node for fact in self.facts))

    def name_of(self, rank: int) -> str:
        """A rank for people: ``rank 3 on node1``."""
        return f"rank {rank} on {self.facts[rank].node}"

    def ranks_of(self, node: str) -> tuple[int, ...]:
        """Ranks on a node."""
        return tuple(rank for rank, fact in enumerate(self.facts) if fact.node == node)

    @property
    def own_node(self) -> tuple[int, ...]:
        """Ranks on this rank's node."""
        return self.ranks_of(self.facts[self.rank].node)


def join(spec: Spec, device: Device, give_up: Callable[[str], None]) -> Joined:
    """Meet all ranks and open the process group.

    Args:
        spec: Who this is.
        device: What it brings.
        give_up: See `bench.group.rendezvous.watch.Watch`.

    Raises:
        Blamed: A rank did not come, or the meeting point was not reached.
    """
    end = time.monotonic() + spec.patience_seconds
    store, host, port = _meet(spec, end)
    mine = f"{spec.process}/{spec.member}"
    fact = _fact(spec, device, host, port)
    store.set(f"fact/{mine}", json.dumps({"members": spec.members, **fact.__dict__}))
    facts = _call_roll(store, spec, end) if fact.process == fact.member == 0 else _hear_roll(store, end)
    rank = next(r for r, one in enumerate(facts) if f"{one.process}/{one.member}" == mine)
    kinds = {one.kind for one in facts}
    if len(kinds) > 1 or not kinds <= set(LIBRARIES):
        raise Blamed(f"no library joins ranks on devices of kind {', '.join(sorted(kinds))}")
    names = [f"rank {r} on {one.node}" for r, one in enumerate(facts)]
    watch = Watch(_connected(host, port, end), rank, names, spec.patience_seconds, give_up)
    _all_say(store, "ready", rank, len(facts), names, end)
    watch.start()
    interface = _choose_interface(facts, rank)
    library = LIBRARIES[fact.kind]
    watch.step(f"opening {library} between all ranks")
    dist.init_process_group(
        library,
        store=PrefixStore("group", store),
        rank=rank,
        world_size=len(facts),
        timeout=timedelta(seconds=spec.patience_seconds + LIBRARY_MARGIN_SECONDS),
    )
    return Joined(rank, facts, watch, store, interface)


def leave(joined: Joined, seconds: float) -> None:
    """Wait for all to have ended, as the one that keeps the meeting point must, and close the group."""
    joined.watch.stop()
    end = time.monotonic() + seconds
    joined.store.set(f"done/{joined.rank}", "1")
    if joined.rank == 0:
        _wait_for(joined.store, [f"done/{rank}" for rank in range(len(joined.facts))], end)


def _meet(spec: Spec, end: float) -> tuple[Any, str, int]:
    """The meeting point: kept here, or found."""
    folder = Path(spec.folder) if spec.folder else None
    if spec.serves:
        served = TCPStore(
            LOOPBACK, spec.port, None, is_master=True, wait_for_workers=False, timeout=_until(end)
        )
        token = uuid.uuid4().hex
        store = PrefixStore(PREFIX, served)
        store.set("token", token)
        if folder is not None:
            alone = spec.processes == 1
            publish(folder, Endpoint((LOOPBACK,) if alone else own_addresses(), served.port, token))
        return store, LOOPBACK, served.port
    told = (spec.host, spec.port) if spec.host else None
    while True:
        try:
            host, port, token = find(folder, told, max(0.1, end - time.monotonic()))
        except (NoEndpointError, OSError) as error:
            raise Blamed(str(error)) from error
        store = _connected(host, port, end)
        # What an earlier launch left may point at a port that another program has taken since.
        if not token or store.get("token").decode() == token:
            return store, host, port


def _connected(host: str, port: int, end: float) -> Any:
    store = TCPStore(host, port, None, is_master=False, wait_for_workers=False, timeout=_until(end))
    return PrefixStore(PREFIX, store)


def _fact(spec: Spec, device: Device, host: str, port: int) -> Fact:
    about = device.description
    try:
        inside = os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116 - a link that leads nowhere
    except OSError:
        inside = 0
    address = os.environ.get(ADDRESS, "").strip() or source_toward(host, port)
    return Fact(
        spec.process,
        spec.member,
        spec.node,
        f"{spec.node} {inside}",
        about.id,
        about.kind,
        about.name,
        address,
        host,
    )


def _call_roll(store: Any, spec: Spec, end: float) -> tuple[Fact, ...]:
    """What the first of all does: wait for all, number them, and tell."""
    firsts = [f"fact/{process}/0" for process in range(spec.processes)]
    missing = _wait_for(store, firsts, end)
    found = []
    if not missing:
        counts = [int(json.loads(store.get(key))["members"]) for key in firsts]
        keys = [f"fact/{process}/{one}" for process, many in enumerate(counts) for one in range(many)]
        missing = _wait_for(store, keys, end)
        found = [] if missing else [json.loads(store.get(key)) for key in keys]
    if missing:
        never = [key.split("/")[1] for key in missing]
        named = ", ".join(list(dict.fromkeys(never))[:MOST_NAMED])
        came = spec.processes - len(set(never))
        reason = (
            f"rank {named} of the launch never came within {spec.patience_seconds:.0f} s "
            f"({came} of {spec.processes} did)"
        )
        store.set("roll", json.dumps({"fault": reason}))
        raise Blamed(reason)
    facts = [{key: value for key, value in one.items() if key != "members"} for one in found]
    store.set("roll", json.dumps({"facts": facts}))
    return tuple(Fact(**one) for one in facts)


def _hear_roll(store: Any, end: float) -> tuple[Fact, ...]:
    # The first rank waits for its patience's end, and that from a little later on than we do.
    if _wait_for(store, ["roll"], end + LIBRARY_MARGIN_SECONDS):
        raise Blamed("rank 0 was met, but never said who is there")
    roll = json.loads(store.get("roll"))
    if "fault" in roll:
        raise Blamed(roll["fault"])
    return tuple(Fact(**one) for one in roll["facts"])


def _all_say(store: Any, word: str, rank: int, ranks: int, names: Sequence[str], end: float) -> None:
    """Say a word, and wait until all have; the first one hears them, and the others hear it."""
    store.set(f"{word}/{rank}", "1")
    if rank == 0:
        missing = _wait_for(store, [f"{word}/{other}" for other in range(ranks)], end)
        store.set(word, json.dumps([names[int(key.split("/")[1])] for key in missing]))
    elif _wait_for(store, [word], end + LIBRARY_MARGIN_SECONDS):
        raise Blamed(f"{names[0]} was met, and then said nothing more")
    if lost := json.loads(store.get(word)):
        raise Blamed(f"{', '.join(lost[:MOST_NAMED])} came and then fell silent before all had met")


def _wait_for(store: Any, keys: Sequence[str], end: float) -> list[str]:
    """Keys that are not there in time."""
    for number, key in enumerate(keys):
        try:
            store.wait([key], _until(end, 0.05))
        except RuntimeError:
            return [key, *(other for other in keys[number + 1 :] if not store.check([other]))]
    return []


def _until(end: float, least: float = 1.0) -> timedelta:
    return timedelta(seconds=max(least, end - time.monotonic()))


def _choose_interface(facts: Sequence[Fact], rank: int) -> str | None:
    """Tell Gloo which way the others are, where nobody else has: by itself it goes by the node's name."""
    variable = {"gloo": "GLOO_SOCKET_IFNAME", "nccl": "NCCL_SOCKET_IFNAME"}.get(LIBRARIES[facts[rank].kind])
    told = os.environ.get(ADDRESS, "").strip()
    if variable is None or variable in os.environ or (variable.startswith("NCCL") and not told):
        return os.environ.get(variable) if variable else None
    address = told or _address(facts, rank)
    interface = interface_of(address)
    if interface is not None:
        os.environ[variable] = interface
    return interface


def _address(facts: Sequence[Fact], rank: int) -> str:
    """The address of this rank's node that the others reach: loopback only where all are inside."""
    mine = facts[rank]
    others = [fact for fact in facts if fact.network != mine.network]
    if not others:
        return LOOPBACK
    if not is_loopback(mine.address):
        return mine.address
    # On the node of the meeting point itself the way there is loopback: take what the others came by.
    return others[0].met_at
