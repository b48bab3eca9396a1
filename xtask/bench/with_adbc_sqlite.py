"""Makes a SQLite file, or reads it with its ADBC driver: FILE make ROWS | FILE read."""

import sqlite3
import sys

file, what, *rows = sys.argv[1:]
if what == "make":
    connection = sqlite3.connect(file)
    connection.execute(
        "create table users (_airbyte_raw_id text, _airbyte_extracted_at text, _airbyte_meta text,"
        " _airbyte_generation_id integer, id integer, name text, email text, balance real, active integer,"
        " created_at text, address text)"
    )
    connection.executemany(
        "insert into users values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                f"00000000-0000-4000-8000-{n:012}",
                "2026-01-01T00:00:00Z",
                '{"sync_id": 1, "changes": []}',
                1,
                n,
                f"user {n}",
                f"user{n}@example.com",
                n * 1.001,
                n % 2,
                "2020-01-01T00:00:00Z",
                f'{{"street": "{n} Main Street", "city": "Springfield"}}',
            )
            for n in range(1, int(rows[0]) + 1)
        ),
    )
    connection.commit()
else:
    import adbc_driver_sqlite.dbapi as adbc

    with adbc.connect(f"file:{file}?mode=ro") as connection, connection.cursor() as cursor:
        cursor.execute("select * from users")
        print(sum(batch.num_rows for batch in cursor.fetch_record_batch()))
