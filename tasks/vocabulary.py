"""Kokoro's vocabulary as this package calls it; it stands in the SDK, which refuses a lexicon that it cannot say."""

from chorus.vocabulary import N_MAX, SOUNDS, VOCABULARY, Fitted, fit, from_ipa, speaks

__all__ = ["N_MAX", "SOUNDS", "VOCABULARY", "Fitted", "fit", "from_ipa", "speaks"]
