"""A trained model as an exact engine: the same integers on every machine.

Start reading in ``interface.py``.
"""
