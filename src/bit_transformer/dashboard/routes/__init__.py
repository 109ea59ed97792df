"""The interface under ``/api/v1``, one file for each subject; routes only pass on."""
