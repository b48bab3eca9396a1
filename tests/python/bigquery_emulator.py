"""Starts bqemulator with its own arguments, and with two faults mended that broken connections meet.

- It keeps a thread for every stream of rows whose reader has gone, and has six on a small machine: after six broken
  connections nobody would be answered any more.
- It ignores the row at which a reader wants to begin, so that one that comes back would get rows twice.
"""

import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc.aio

grpc.aio.server = functools.partial(grpc.aio.server, migration_thread_pool=ThreadPoolExecutor(1000))

from google.cloud.bigquery_storage_v1.types import ReadRowsRequest  # noqa: E402

from bqemulator.cli import main  # noqa: E402
from bqemulator.grpc_api import read_servicer  # noqa: E402

all_rows = read_servicer.get_stream_data
all_responses = read_servicer.BigQueryReadHandler._handle_read_rows
# Each stream is answered in one thread from its beginning to its end.
wanted = threading.local()


def rows(session, stream):
    data = all_rows(session, stream)
    return None if data is None else data.slice(wanted.offset)


def responses(self, request, context):
    wanted.offset = ReadRowsRequest.deserialize(request).offset
    yield from all_responses(self, request, context)


read_servicer.get_stream_data = rows
read_servicer.BigQueryReadHandler._handle_read_rows = responses

main()
