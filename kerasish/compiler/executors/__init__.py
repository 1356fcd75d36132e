"""Executors: what runs a graph. Each turns one into an object that is called with arrays."""
