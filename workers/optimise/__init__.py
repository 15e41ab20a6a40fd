"""What is done to a model file on this machine before it speaks: built, verified, measured and chosen, once.

`noise` and `offline` change a graph; `stages` runs them in order and `manifest` remembers what they found.
"""
