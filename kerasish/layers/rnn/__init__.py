"""Recurrent layers, their cells, and layers that work on each timestep."""
