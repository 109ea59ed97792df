"""``python -m bit_transformer``: the same as the command ``bit-transformer``."""

import sys

from bit_transformer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
