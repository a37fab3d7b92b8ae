"""Turns the CSV of an export into Parquet with types of its own, a block at a time."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

# A row group of about 40,000 triplets: few enough to hold, enough to pack well.
BLOCK_BYTES = 8 << 20
TYPES = {
    **dict.fromkeys(("anchor", "positive", "negative"), pa.string()),
    **dict.fromkeys(("anchor_image", "positive_image", "negative_image"), pa.string()),
    **dict.fromkeys(("kind", "source", "annotators", "strength"), pa.string()),
    "group": pa.int32(),
    **dict.fromkeys(("repetition", "round", "chain", "votes_for", "votes_against"), pa.int16()),
    "weight": pa.float64(),
    "confidence": pa.float32(),
}
ANNOTATORS = pa.field("annotators", pa.list_(pa.string()))


def write_parquet(out: BinaryIO, table: BinaryIO) -> None:
    """Write to `out` what the CSV `table` holds; what is empty there is null, annotators are a list."""
    rows = pyarrow.csv.open_csv(
        table,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=TYPES, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    place = rows.schema.get_field_index("annotators")
    schema = rows.schema.set(place, ANNOTATORS)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in rows:
            lists = pc.split_pattern(batch.column(place), ";")
            writer.write_batch(batch.set_column(place, ANNOTATORS, lists))
