"""The layers that models are mostly made of."""
