"""Runs fakesnow's command, with NULL for timestamps that are NULL.

fakesnow 0.12.1 puts NULL into the parts of a timestamp and not into the timestamp itself, though it declares that the
parts hold none: readers that check what they read refuse such a batch.
"""

import sys

import fakesnow.arrow
import pyarrow as pa
from fakesnow.cli import main

whole = fakesnow.arrow.timestamp_to_sf_struct


def with_nulls(timestamps):
    """The timestamps in parts, and NULL as a whole where they are NULL."""
    if isinstance(timestamps, pa.ChunkedArray):
        timestamps = timestamps.combine_chunks()
    parts = whole(timestamps)
    fields = [parts.type.field(index) for index in range(parts.type.num_fields)]
    filled = [parts.field(index).fill_null(0) for index in range(parts.type.num_fields)]
    return pa.StructArray.from_arrays(filled, fields=fields, mask=timestamps.is_null())


fakesnow.arrow.timestamp_to_sf_struct = with_nulls
sys.exit(main(sys.argv[1:]))
