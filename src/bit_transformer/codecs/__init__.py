"""Lossless codes that know no model, and the frame that says which one was used."""
