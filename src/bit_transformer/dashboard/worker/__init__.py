"""Processes beside the server that hold models and run codecs.

Unlike ``training/``, which starts programs that outlive the server, these live for its requests:
they are started when first needed, end after a while without work, and are ended when a job takes
too long or nobody waits for it any more.
"""
