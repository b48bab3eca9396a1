"""Reads a table of PostgreSQL into Arrow with connectorx: URL TABLE PARTITIONS."""

import sys

import connectorx

url, table, partitions = sys.argv[1:]
several = {} if partitions == "1" else {"partition_on": "id", "partition_num": int(partitions)}
read = connectorx.read_sql(url, f"select * from {table}", return_type="arrow", **several)
print(read.num_rows)
