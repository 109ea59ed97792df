"""The command ``bit-transformer``: one verb, one file.

Start reading in ``main.py``. A verb's file has ``build_parser()`` and ``run(arguments)``; it reads
arguments, calls the rooms that do the work, and prints. Nothing here is worth importing from
Python: everything a verb does is a public function of another room.

Invariants: results go to stdout, everything else to stderr; ``--help`` never imports PyTorch; an
error is one or two lines and an exit code, never a traceback.
"""
