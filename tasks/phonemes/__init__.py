"""Turns a sentence into phonemes in Kokoro's symbols, with dictionaries, taggers, espeak-ng and the job's lexicon.

Knows no chapters and no segments.
"""
