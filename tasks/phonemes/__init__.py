"""A sentence becomes phonemes in Kokoro's symbols, by dictionaries, taggers, espeak-ng and the caller's lexicon.

Knows no chapters and no segments.
"""
