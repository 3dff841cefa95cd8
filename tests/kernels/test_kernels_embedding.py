"""Rows looked up in random order: what is counted, and a check that can fail."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.embedding import WIDTH, Embedding, PreparedEmbedding, numbered_table
from kernels.workload import Place

EMBEDDING = Embedding()
ROWS = 70_001  # more than the pattern has, and no multiple of it


def run(seed: int = 5) -> PreparedEmbedding:
    operation = EMBEDDING.prepare("fp32", {"rows": ROWS, "width": WIDTH}, Place(), seed=seed)
    assert isinstance(operation, PreparedEmbedding)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@pytest.fixture(scope="module")
def ready() -> PreparedEmbedding:
    return run()


@given(rows=st.integers(1, 1 << 34), width=st.integers(1, 256))
def test_bytes_are_rows_read_rows_written_and_numbers(rows: int, width: int) -> None:
    shape = {"rows": rows, "width": width}
    assert EMBEDDING.bytes_moved(shape, "fp32") == rows * width * 4 + rows * width * 4 + rows * 8
    assert EMBEDDING.flop(shape) == 0


def test_footprint_is_what_is_held(ready: PreparedEmbedding) -> None:
    held = ready.table.nbytes + ready.output.nbytes + ready.order.nbytes
    assert EMBEDDING.footprint_bytes({"rows": ROWS, "width": WIDTH}, "fp32") == held


def test_every_row_is_looked_up_once_and_in_no_order(ready: PreparedEmbedding) -> None:
    assert torch.equal(ready.order.sort().values, torch.arange(ROWS))
    neighbours = (ready.order[1:] - ready.order[:-1]).abs() < 16
    assert int(neighbours.sum()) < ROWS // 100


@given(cache_bytes=st.integers(0, 1 << 31), memory_bytes=st.integers(0, 1 << 40))
def test_ladder_grows_exceeds_the_cache_fourfold_and_fits(cache_bytes: int, memory_bytes: int) -> None:
    ladder = EMBEDDING.ladder("fp32", Place(cache_bytes=cache_bytes, memory_bytes=memory_bytes))
    rows = [shape["rows"] for shape in ladder]
    assert rows == sorted(set(rows))
    assert all(4 * shape["width"] * shape["rows"] >= 4 * cache_bytes for shape in ladder)
    assert all(EMBEDDING.footprint_bytes(shape, "fp32") <= memory_bytes for shape in ladder)


def test_right_result_passes(ready: PreparedEmbedding) -> None:
    verdict = ready.check()
    assert verdict.correct, verdict.detail
    assert torch.equal(ready.output.view(torch.int32), ready.table[ready.order].view(torch.int32))


def test_every_row_of_the_table_differs_though_the_pattern_repeats() -> None:
    pattern = torch.randn(8, 4)
    table = numbered_table(20, pattern)
    assert torch.equal(table[:, 1:], pattern.repeat(3, 1)[:20, 1:])
    assert table.view(torch.int32)[:, 0].tolist() == list(range(20))


def test_output_never_written_fails(ready: PreparedEmbedding) -> None:
    ready.poison()
    assert not ready.check().correct
    ready.run()
    assert ready.check().correct


def test_output_partly_written_fails(ready: PreparedEmbedding) -> None:
    for part in (slice(0, 1), slice(ROWS // 2, ROWS // 2 + 1), slice(ROWS - 7, ROWS)):
        ready.poison()
        ready.run()
        ready.output[part] = math.nan
        assert not ready.check().correct
    ready.run()


@pytest.mark.parametrize("row", [0, 12_345, ROWS - 1])
def test_the_row_of_a_neighbour_fails(ready: PreparedEmbedding, row: int) -> None:
    before = ready.output[row].clone()
    # Alike but for its number: the pattern repeats every 65,536 rows.
    other = int(ready.order[row]) + 1
    ready.output[row] = ready.table[other % ROWS]
    assert not ready.check().correct
    ready.output[row] = before


def test_the_row_one_pattern_away_fails(ready: PreparedEmbedding) -> None:
    row = int((ready.order == 3).nonzero())
    before = ready.output[row].clone()
    ready.output[row] = ready.table[3 + len(ready.pattern)]
    assert torch.equal(ready.output[row, 1:], before[1:])
    assert not ready.check().correct
    ready.output[row] = before


def test_a_wrong_bit_in_a_sampled_row_fails(ready: PreparedEmbedding) -> None:
    bits = ready.output.view(torch.int32)
    for column in (0, 1, WIDTH // 2, WIDTH - 1):
        bits[0, column] ^= 1
        assert not ready.check().correct
        bits[0, column] ^= 1


def test_numbers_shifted_by_one_fail(ready: PreparedEmbedding) -> None:
    torch.index_select(ready.table, 0, (ready.order + 1) % ROWS, out=ready.output)
    assert not ready.check().correct
    ready.run()


def test_digest_tells_operands_apart(ready: PreparedEmbedding) -> None:
    first = ready.digest()
    ready.poison()
    ready.run()
    assert ready.digest() == first
    assert run(seed=6).digest() != first


def test_another_precision_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="bf16"):
        EMBEDDING.prepare("bf16", {"rows": 8, "width": 8}, Place(), seed=0)
    with pytest.raises(ValueError, match=r"'native'.*known: torch"):
        EMBEDDING.prepare("fp32", {"rows": 8, "width": 8}, Place(), seed=0, backend="native")
