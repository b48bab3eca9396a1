"""Makes a DuckDB file (`make FILE ROWS`) or reads its table and throws it away (`drain FILE`)."""

import sys

import duckdb

_, task, file, *rest = sys.argv
if task == "make":
    duckdb.connect(file).execute(f"""
        create table users as
        select uuid()::varchar as _airbyte_raw_id,
               timestamp '2026-01-01' + n * interval '1 second' as _airbyte_extracted_at,
               '{{}}'::json as _airbyte_meta,
               1::bigint as _airbyte_generation_id,
               n::bigint as id,
               'user ' || n as name,
               'user' || n || '@example.com' as email,
               (n * 1.000000001)::decimal(38, 9) as balance,
               n % 2 = 0 as active,
               timestamptz '2020-01-01 00:00:00+00' + n * interval '7 minutes' as created_at,
               json_object('street', n || ' Main Street', 'city', 'Springfield') as address
        from range(1, {int(rest[0])} + 1) as numbers(n)
    """)
else:
    database = duckdb.connect(file, read_only=True)
    print(sum(batch.num_rows for batch in database.execute("select * from users").to_arrow_reader(8192)))
