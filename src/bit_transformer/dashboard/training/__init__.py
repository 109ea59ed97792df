"""Trainings as seen from outside: their folders, their metrics, their processes.

Nothing here imports the trainer; what a run is, is what its folder says.
"""
