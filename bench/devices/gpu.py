"""GPUs through torch: CUDA and ROCm (which torch calls cuda)."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.devices.device import Batch, Clock, Meter, Reading, unwatched
from bench.devices.gpu_place import gpu_place
from bench.devices.meters.amdsmi import AmdMeter, serial_of
from bench.devices.meters.nvml import NvmlMeter
from bench.devices.precisions import lacks
from bench.extras import require_torch
from bench.record import DeviceDescription

if TYPE_CHECKING:
    from kernels.workload import Place

# Below this a call is about as short as its launch by the host, and launches would be timed. Unit: s.
SHORT_CALL_SECONDS = 50e-6
# Calls that tell whether calls are short, and the fewest it is asked for.
PROBE_CALLS = 5
FEWEST_TO_PROBE = 2 * PROBE_CALLS
# Where queueing a call takes the host more than this share of the device's time, launches are timed too.
LAUNCH_SHARE = 0.5
# Calls in one graph, at most: enough to hide its own launch, few enough for many samples.
CALLS_PER_GRAPH = 50
GRAPH_SECONDS = CALLS_PER_GRAPH * SHORT_CALL_SECONDS


@dataclass(frozen=True)
class _Queued:
    """Calls made one after the other.

    Attributes:
        call_seconds: Between the events around each, on the device. Unit: s.
        host_seconds: What it took to queue each. Unit: s.
    """

    call_seconds: tuple[float, ...]
    host_seconds: tuple[float, ...]

    @property
    def times_launches(self) -> bool:
        """Whether the host, not the device, may set the pace."""
        median = statistics.median(self.call_seconds)
        return median < SHORT_CALL_SECONDS or statistics.median(self.host_seconds) > LAUNCH_SHARE * median

    @property
    def calls_per_graph(self) -> int:
        """How many calls one graph holds: the longer a call, the fewer hide the launch of the graph."""
        return max(1, min(CALLS_PER_GRAPH, math.ceil(GRAPH_SECONDS / statistics.median(self.call_seconds))))


class CudaDevice:
    """An NVIDIA or AMD GPU, timed by its own events."""

    def __init__(self, index: int, clock: Clock = time.perf_counter) -> None:
        self._torch = require_torch()
        self._clock = clock
        self._index = index
        self.torch_device = f"cuda:{index}"
        properties = self._torch.cuda.get_device_properties(index)
        uuid = getattr(properties, "uuid", None)
        self._uuid = None if uuid is None else f"GPU-{uuid}"
        self._meter = self._open_meter(properties)
        self._stream: Any = None
        self.description = self._describe(properties)

    def lacks(self, precision: str) -> str | None:
        """Why the GPU has no instructions for a precision, by its architecture and, for bf16, by torch."""
        found = self.description
        reason = lacks(found.kind, precision, isa=frozenset(), architecture=found.architecture)
        if reason is None and precision == "bf16" and not self._bf16_native():
            return f"bf16 is only emulated on {found.name}"
        return reason

    def free_memory_bytes(self) -> int:
        """Memory of the device that no process holds. Unit: B."""
        free, _total = self._torch.cuda.mem_get_info(self._index)
        return int(free)

    def place(self) -> Place:
        """The whole GPU."""
        names = (f"cuda:{index}" for index in range(self._torch.cuda.device_count()))
        peers = tuple(name for name in names if name != self.torch_device)
        return gpu_place(self.description, self.torch_device, self.free_memory_bytes(), peers)

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Make it torch's current device, whose stream the events are recorded on."""
        with self._torch.cuda.device(self._index):
            yield

    def time_calls(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> Batch:
        """Queue all calls with an event between each two; ``during`` runs while the queue drains.

        Where the first calls are short, or keep the host busy for most of the time they take, as many short
        launches do, calls are recorded into graphs, and replays of these are timed: each call's time is then
        the mean of its replay. Where recording fails, as it does for a call that waits for the device, they
        are timed one by one.
        """
        if count < FEWEST_TO_PROBE:
            return Batch(self._between_events(call, count, during).call_seconds)
        probed = self._between_events(call, PROBE_CALLS, unwatched)
        replayed = self._replayed(call, count, during, probed) if probed.times_launches else None
        if replayed is not None:
            return replayed
        rest = self._between_events(call, count - PROBE_CALLS, during)
        return Batch(probed.call_seconds + rest.call_seconds)

    def read(self) -> Reading:
        """The vendor's meters."""
        return self._meter.read()

    def busy(self, own_pids: Iterable[int] = ()) -> str | None:
        """Other processes on the GPU, or work that is not ours, as the vendor's library tells."""
        return self._meter.busy(own_pids)

    def local_cpus(self) -> tuple[int, ...]:
        """Logical CPUs of the memory node that the GPU hangs on; empty where nothing tells."""
        return self._meter.local_cpus()

    def release_memory(self) -> None:
        """Return torch's cached blocks."""
        self._torch.cuda.empty_cache()

    def _replayed(
        self, call: Callable[[], None], count: int, during: Callable[[], None], probed: _Queued
    ) -> Batch | None:
        """The batch, from replays of a graph; None where the call cannot be recorded."""
        replays = -(-count // probed.calls_per_graph)
        calls = -(-count // replays)
        graph = self._record(call, calls)
        if graph is None:
            return None
        times = self._between_events(graph.replay, replays, during).call_seconds
        single = tuple(seconds / calls for seconds in times for _ in range(calls))
        return Batch(single[:count], replayed=True)

    def _between_events(self, call: Callable[[], None], count: int, during: Callable[[], None]) -> _Queued:
        """Each call between two events."""
        cuda, clock = self._torch.cuda, self._clock
        events = [cuda.Event(enable_timing=True) for _ in range(count + 1)]
        cuda.synchronize()
        events[0].record()
        moments = [clock()]
        for event in events[1:]:
            call()
            event.record()
            moments.append(clock())
        during()
        cuda.synchronize()
        return _Queued(
            tuple(start.elapsed_time(end) / 1e3 for start, end in itertools.pairwise(events)),
            tuple(end - start for start, end in itertools.pairwise(moments)),
        )

    def _record(self, call: Callable[[], None], calls: int) -> Any:
        """A graph of so many calls, recorded beside the current stream; None where it cannot be recorded."""
        cuda = self._torch.cuda
        self._stream = self._stream or cuda.Stream()
        self._stream.wait_stream(cuda.current_stream())
        try:
            with cuda.stream(self._stream):
                # Libraries take their work space on a stream's first call, which a graph must not own.
                call()
                cuda.synchronize()
                graph = self._captured(call, calls)
        except RuntimeError:
            return None
        finally:
            cuda.current_stream().wait_stream(self._stream)
        return graph

    def _captured(self, call: Callable[[], None], calls: int) -> Any:
        graph = self._torch.cuda.CUDAGraph()
        # Only this thread's doings can spoil the recording: others may read meters meanwhile.
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            for _ in range(calls):
                call()
        finally:
            graph.capture_end()
        return graph

    def _bf16_native(self) -> bool:
        with self._torch.cuda.device(self._index):
            return bool(self._torch.cuda.is_bf16_supported(including_emulation=False))

    def _open_meter(self, properties: Any) -> Meter:
        if not self._torch.version.hip:
            return NvmlMeter(self._uuid)
        return AmdMeter(_bus_id(properties), serial_of(self._uuid), str(properties.name))

    def _describe(self, properties: Any) -> DeviceDescription:
        is_rocm = bool(self._torch.version.hip)
        capability = f"{properties.major}.{properties.minor}"
        return DeviceDescription(
            id=self.torch_device,
            kind="rocm" if is_rocm else "cuda",
            name=properties.name,
            memory_bytes=properties.total_memory,
            cache_bytes=getattr(properties, "L2_cache_size", None) or None,
            units=properties.multi_processor_count,
            uuid=self._uuid,
            driver=self._meter.driver(),
            architecture=getattr(properties, "gcnArchName", None) if is_rocm else capability,
            power_limit_w=self._meter.power_limit_w(),
            max_clock_mhz=self._meter.max_clock_mhz(),
            variant=self._meter.variant(),
            details=self._meter.details(),
        )


def _bus_id(properties: Any) -> str | None:
    """Place on the PCI bus without the function; older versions of torch do not tell it."""
    numbers = [getattr(properties, f"pci_{part}_id", None) for part in ("domain", "bus", "device")]
    known = [number for number in numbers if isinstance(number, int)]
    return "{:04x}:{:02x}:{:02x}".format(*known) if len(known) == len(numbers) else None
