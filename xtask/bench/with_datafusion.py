"""Answers a question with DataFusion over tables that connectorx has read: URL FILE.sql COLUMNS...

COLUMNS are TABLE=column,column: what the question needs of each table, since connectorx is told and does not find out.
"""

import sys
from pathlib import Path

import connectorx
from datafusion import SessionContext

url, query, *tables = sys.argv[1:]
context = SessionContext()
for table in tables:
    name, columns = table.split("=")
    read = connectorx.read_sql(url, f"select {columns} from tpch.{name}", return_type="arrow")
    context.from_arrow(read, name=name)
print(context.sql(Path(query).read_text()).to_arrow_table().num_rows)
