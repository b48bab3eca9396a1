"""Answers a question with DataFusion over tables that connectorx has read: URL FILE.sql ANSWER COLUMNS...

COLUMNS are TABLE=column,column: what the question needs of each table, since connectorx is told and does not find out. ANSWER
is a file with the database's own rows, values with `|` between them; whether those came is said.
"""

import math
import sys
from decimal import Decimal
from pathlib import Path

import connectorx
from datafusion import SessionContext


def same(value, text):
    if isinstance(value, Decimal):
        return value == Decimal(text)
    if isinstance(value, float):
        return math.isclose(value, float(text), rel_tol=1e-9)
    return str(value) == text


url, query, answer, *tables = sys.argv[1:]
context = SessionContext()
for table in tables:
    name, columns = table.split("=")
    read = connectorx.read_sql(url, f"select {columns} from tpch.{name}", return_type="arrow")
    context.from_arrow(read, name=name)
came = context.sql(Path(query).read_text()).to_arrow_table()
rows = [tuple(row.values()) for row in came.to_pylist()]
wanted = [line.split("|") for line in Path(answer).read_text().splitlines()]
others = [
    (row, texts)
    for row, texts in zip(rows, wanted, strict=True)
    if len(row) != len(texts) or not all(map(same, row, texts))
]
for row, texts in others:
    print(f"{row} is not {texts}", file=sys.stderr)
print(f"{len(rows)} rows, " + (f"{len(others)} of them wrong" if others else "the database's own"))
