"""Parquet, through Apache Arrow."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, BinaryIO, Final

from unibill import money
from unibill.errors import ConfigurationError
from unibill.exporting.columns import Column, Kind, columns
from unibill.model import Record
from unibill.showing import json_line, masked

try:
    import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
except ImportError as error:
    raise ConfigurationError("Parquet needs a library that is not installed; install unibill[export]") from error

SCALE: Final = 10
"""Decimals of every amount: more than any currency of ISO 4217 has, and one type for the column whatever the currencies in it."""
PRECISION: Final = 38
_BATCH: Final = 5000


class Parquet:
    """Writes records in batches.

    Args:
        file: open for writing.
        model: says the columns.
    """

    def __init__(self, file: BinaryIO, model: type[Record]) -> None:
        self._columns = columns(model)
        self._schema: Any = pa.schema([(column.name, _type(column)) for column in self._columns])
        self._writer: Any = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[Mapping[str, object]] = []

    def take(self, record: Record) -> None:
        """Write one record.

        Raises:
            ConfigurationError: an amount has more digits than the format holds.
        """
        self._waiting.append(_values(self._columns, record))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        try:
            self._flush()
        finally:
            self._writer.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._writer.write_table(pa.Table.from_pylist(waiting, schema=self._schema))


def _type(column: Column) -> Any:  # noqa: ANN401 - Arrow's own types
    if column.kind is Kind.AMOUNT:
        return pa.decimal128(PRECISION, SCALE)
    if column.kind is Kind.DAY:
        return pa.date32()
    if column.kind is Kind.MOMENT:
        return pa.timestamp("us", tz="UTC")
    if column.of is not None:
        inner = pa.struct([(each.name, _type(each)) for each in columns(column.of)])
        return pa.list_(inner) if column.kind is Kind.RECORDS else inner
    return pa.string()


def _values(of: tuple[Column, ...], record: Record) -> dict[str, object]:
    return {column.name: _value(column, getattr(record, column.name), record) for column in of}


def _value(column: Column, value: Any, record: Record) -> object:  # noqa: ANN401 - whatever a record's field holds
    if value is None:
        return None
    if column.kind is Kind.AMOUNT:
        return _fitting(value, column, record)
    if column.kind in {Kind.DAY, Kind.MOMENT}:
        return value
    if column.kind is Kind.RECORDS and column.of is not None:
        return [_values(columns(column.of), item) for item in value]
    if column.kind is Kind.RECORD and column.of is not None:
        return _values(columns(column.of), value)
    if column.kind is Kind.EXTRA:
        return json_line(value) if value else None
    return masked(str(value), column.name)


def _fitting(amount: Decimal, column: Column, record: Record) -> Decimal:
    """An amount that the format holds digit for digit."""
    if money.scale(amount) > SCALE or amount.adjusted() >= PRECISION - SCALE:
        name = getattr(record, "id", "")
        raise ConfigurationError(
            f"the {column.name} of {name} is {amount}: Parquet holds {PRECISION - SCALE} digits before the point and {SCALE} after; export as jsonl"
        )
    return amount.normalize(money.EXACT) if int(amount.as_tuple().exponent) < -SCALE else amount
