"""A source that is too large to travel through Redis goes into a store, where the desk that plans its job finds it.

Knows no command line and no HTTP: whoever takes documents in, with a store at hand, submits them here.
"""

from dataclasses import replace
from pathlib import Path

from broker.store import LocalStore, source_key
from chorus.client import Client
from chorus.records import JobRecord
from chorus.request import Request
from chorus.submission import MAX_SOURCE_BYTES, Terms


def submit(
    client: Client,
    store: LocalStore,
    source: bytes,
    request: Request,
    *,
    job: str,
    terms: Terms,
    cover: bytes | Path | None = None,
    fresh: bool = False,
) -> JobRecord:
    """Submit a document of any size whose job keeps its parts in this store."""
    in_store = len(source) > MAX_SOURCE_BYTES
    if in_store:
        # Before the job is known: a desk that plans it at once must find its source.
        store.write(source_key(job), source)
    terms = replace(terms, store=store.id, in_store=in_store)
    return client.submit(source, request, job=job, cover=cover, fresh=fresh, terms=terms)
