"""Reads a stream of a PostgreSQL destination with PyAirbyte: HOST PORT USER PASSWORD DATABASE SCHEMA STREAM HOW."""

import sys

from airbyte.caches import PostgresCache
from airbyte.datasets import CachedDataset

host, port, user, password, database, schema, stream, how = sys.argv[1:]
cache = PostgresCache(
    host=host, port=int(port), username=user, password=password, database=database, schema_name=schema
)
dataset = CachedDataset(cache, stream, stream_configuration=False)
if how == "rows":
    print(sum(1 for _ in dataset))
else:
    print(sum(batch.num_rows for batch in dataset.to_arrow().scanner().to_batches()))
