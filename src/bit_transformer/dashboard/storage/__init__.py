"""Data that requests bring, name and take away: uploads, allowed folders, results.

Unlike ``training/``, which reads run folders, this part handles bytes that anyone may have made.
Names given by people are kept for people to read and never become part of a path.
"""
