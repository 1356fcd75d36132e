"""Layers that move, repeat, cut or pad what they are given."""
