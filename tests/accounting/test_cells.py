"""Cells: a number, a date or a tick is read strictly, and what may mean two things is refused."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.census.readers.cells import NumberStyle, amount, integer, number, style_shown, truth
from accounting.census.readers.dates import DateOrder, date, decide_date_orders, order_shown

POINT, COMMA, OPEN = NumberStyle.POINT, NumberStyle.COMMA, NumberStyle.UNDECIDED
MONTH, DAY, NO_ORDER = DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST, DateOrder.UNDECIDED


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("4.01e+22", POINT, 4.01e22),
        ("3000000000000000000000", POINT, 3e21),
        ("1,000,000", POINT, 1e6),
        ("1,234.5", POINT, 1234.5),
        ("1 742 000.5", POINT, 1742000.5),
        ("11\u00a0039\u00a0616", COMMA, 11039616),
        ("1\u202f742\u202f000,00", COMMA, 1742000),
        ("1.742.000,5", COMMA, 1742000.5),
        ("4,01E+22", COMMA, 4.01e22),
        ("1.234", COMMA, 1234),
        ("1,234", COMMA, 1.234),
        ("1,234", POINT, 1234),
        ("12.5", OPEN, 12.5),
        ("12,5", OPEN, 12.5),
        ("1 234", OPEN, 1234),
        (".5", POINT, 0.5),
        ("5.", POINT, 5),
        ("\u22123", POINT, -3),
    ],
)
def test_a_number_in_its_style(text: str, style: NumberStyle, value: float) -> None:
    assert number(text, style) == value


@pytest.mark.parametrize(
    ("text", "style", "words"),
    [
        ("1,5", POINT, "not a number"),
        ("0,123", POINT, "not a number"),
        ("12.5", COMMA, "not a number"),
        ("1,234 567", POINT, "not a number"),
        ("1,234", OPEN, "ambiguous"),
        ("1.234", OPEN, "ambiguous"),
        ("45%", POINT, "percentage"),
        ("=A1*2", POINT, "formula"),
        ("#REF!", POINT, "error value"),
        ("1e999", POINT, "too large"),
        ("nan", POINT, "not a number"),
        ("inf", POINT, "not a number"),
        ("1_000", POINT, "not a number"),
        ("٣", POINT, "not a number"),
        ("", POINT, "not a number"),
        ("9" * 401, POINT, "not a number"),
    ],
)
def test_what_is_no_number(text: str, style: NumberStyle, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        number(text, style)


def test_whole_numbers_are_exact_and_their_exponents_bounded() -> None:
    assert integer("3000000000000000000001") == 3000000000000000000001
    assert integer("25000.0") == 25000
    assert integer("1e3") == 1000
    for text in ("1.5", "1e9999", "1e-9999"):
        with pytest.raises(ValueError, match=r"too large|whole"):
            integer(text)


def test_an_amount_is_not_negative() -> None:
    assert amount("0") == 0
    with pytest.raises(ValueError, match="negative"):
        amount("-0.5")


@given(st.floats(min_value=-1e300, max_value=1e300), st.sampled_from([POINT, COMMA]))
def test_numbers_come_back_in_either_style(value: float, style: NumberStyle) -> None:
    text = repr(value) if style is POINT else repr(value).replace(".", ",")
    assert number(text, style) == value
    assert style_shown(text) in {style, None}


@given(st.integers(0, 10**30), st.sampled_from([(POINT, ","), (COMMA, "."), (COMMA, "\u202f"), (POINT, " ")]))
def test_whole_numbers_come_back_with_thousands_parted(value: int, written: tuple[NumberStyle, str]) -> None:
    style, gap = written
    assert integer(f"{value:,}".replace(",", gap), style) == value


@given(st.text(max_size=30), st.sampled_from(list(NumberStyle)), st.sampled_from(list(DateOrder)))
def test_any_text_is_read_or_refused(text: str, style: NumberStyle, order: DateOrder) -> None:
    for read in (lambda: number(text, style), lambda: integer(text, style), lambda: truth(text)):
        try:
            read()
        except ValueError as error:
            assert str(error)
    try:
        date(text, order)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2024-05-31", NO_ORDER, "2024-05-31"),
        ("2024-5-3", NO_ORDER, "2024-05-03"),
        ("2024-05-31 00:00:00", NO_ORDER, "2024-05-31"),
        ("2021-01-01T00:00:00.000Z", NO_ORDER, "2021-01-01"),
        ("2024-05", NO_ORDER, "2024-05-01"),
        ("2024", NO_ORDER, "2024-01-01"),
        ("2024/05/31", NO_ORDER, "2024-05-31"),
        ("5/31/2024", NO_ORDER, "2024-05-31"),
        ("31/5/2024", NO_ORDER, "2024-05-31"),
        ("31.05.2024", NO_ORDER, "2024-05-31"),
        ("3.4.2024", MONTH, "2024-04-03"),
        ("3/4/2024", MONTH, "2024-03-04"),
        ("3/4/2024", DAY, "2024-04-03"),
        ("4/4/2024", NO_ORDER, "2024-04-04"),
        ("1/15/2021 0:00", MONTH, "2021-01-15"),
        ("9/30/24", NO_ORDER, "2024-09-30"),
        ("Nov 2024", NO_ORDER, "2024-11-01"),
        ("Nov-24", NO_ORDER, "2024-11-01"),
        ("November 15, 2024", NO_ORDER, "2024-11-15"),
        ("15 Sept 2024", NO_ORDER, "2024-09-15"),
        ("2024 Q3", NO_ORDER, "2024-07-01"),
        ("Q3 2024", NO_ORDER, "2024-07-01"),
    ],
)
def test_a_date_in_its_shape(text: str, order: DateOrder, day: str) -> None:
    assert date(text, order) == datetime.date.fromisoformat(day)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3/4/2024", "ambiguous"),
        ("2024-02-30", "no such day"),
        ("13/13/2024", "no such day"),
        ("0/0/2024", "no such day"),
        ("45292", "not a date"),
        ("soon", "not a date"),
        ("3/4/224", "not a date"),
        ("Foo 2024", "not a date"),
        ("2024-05-31x", "not a date"),
    ],
)
def test_what_is_no_date(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        date(text)


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2199, 12, 31)), st.sampled_from([MONTH, DAY]))
def test_dates_come_back_in_the_order_they_were_written(day: datetime.date, order: DateOrder) -> None:
    parts = (day.month, day.day) if order is MONTH else (day.day, day.month)
    text = f"{parts[0]}/{parts[1]}/{day.year}"
    assert date(text, order) == day
    assert order_shown(text) in {order, None}
    assert date(day.isoformat(), order) == day


def test_a_column_shows_its_order_and_lends_it_to_others() -> None:
    rows = [{"a": "5/31/2024", "b": "3/4/2024", "c": ""}, {"a": "3/4/2024", "b": "", "c": "2024-05-31"}]
    orders = decide_date_orders(rows, ["a", "b", "c", "absent"], DAY)
    assert [orders.of(column) for column in "abc"] == [MONTH, MONTH, MONTH]
    assert orders.notes == (
        "dates in 'b' may have day or month first; read month first, as elsewhere in the file",
    )


def test_a_column_without_proof_takes_the_default_and_says_so() -> None:
    orders = decide_date_orders([{"a": "3/4/2024"}], ["a"], MONTH)
    assert orders.of("a") is MONTH
    assert "as this format is usually written" in orders.notes[0]
    assert decide_date_orders([{"a": "2024-03-04"}], ["a"], MONTH).notes == ()


def test_a_column_of_both_orders_has_none() -> None:
    orders = decide_date_orders([{"a": "5/31/2024"}, {"a": "31/5/2024"}], ["a"], MONTH)
    assert orders.of("a") is NO_ORDER


def test_ticks_of_several_languages() -> None:
    assert [truth(text) for text in ("True", "TRUE", "1", "WAHR", "checked", "vrai")] == [True] * 6
    assert [truth(text) for text in ("", "False", "0", "FALSCH", "No")] == [False] * 5
    with pytest.raises(ValueError, match="neither"):
        truth("maybe")


@pytest.mark.parametrize("text", ["1e101", "1" + "0" * 101])
def test_what_is_no_figure_of_anything_is_refused(text: str) -> None:
    for read in (amount, integer):
        with pytest.raises(ValueError, match=r"more than 1e\+100"):
            read(text)
    assert amount("1e100") == 1e100


def test_months_are_read_whatever_the_language_of_the_process() -> None:
    """Every English month, by name and by its first three letters, against the calendar of strptime."""
    for month in range(1, 13):
        day = datetime.date(2024, month, 1)
        for shape in ("%B 2024", "%b 2024", "1 %b 2024", "%B 1, 2024"):
            assert date(day.strftime(shape)) == day
    assert date("Sept 2024") == datetime.date(2024, 9, 1)
