"""Parts, each about a minute of finished audio in the store with its sidecar, and what is made of both.

Knows nothing of the ledger.
"""
