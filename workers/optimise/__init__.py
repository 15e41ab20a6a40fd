"""Prepares a model file for this machine, once: builds variants of it, validates them, times them and chooses one.

`lossless` and `lossy` build variants, `judging` validates and chooses; `stages` runs the stages in order and records
their results in the manifest.
"""
