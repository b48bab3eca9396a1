"""Writes a table to an Arrow file with Snowflake's own connector, part by part: HOST PORT DATABASE TABLE FILE."""

import sys

import pyarrow
import snowflake.connector

# Its threads would import this at the same moment, and two of them can wait for each other's import for ever.
import snowflake.connector.nanoarrow_arrow_iterator

host, port, database, table, file = sys.argv[1:]
connection = snowflake.connector.connect(
    account="double",
    host=host,
    port=int(port),
    protocol="http",
    user="reader",
    password="none",
    database=database,
    schema="PUBLIC",
    session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
)
cursor = connection.cursor()
# Its decoder makes its logger with the first part; where several threads do that at once, they wait for each other for ever.
cursor.execute(f'select * from "PUBLIC"."{table}" limit 1')
list(cursor.fetch_arrow_batches())
cursor.execute(f'select * from "PUBLIC"."{table}"')
rows, writer = 0, None
for part in cursor.fetch_arrow_batches():
    if writer is None:
        writer = pyarrow.ipc.new_file(file, part.schema)
    writer.write_table(part)
    rows += part.num_rows
writer.close()
print(rows)
