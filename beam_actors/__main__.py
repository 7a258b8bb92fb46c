"""`python -m beam_actors` is `beam`."""

import sys

from beam_actors.cli import main

sys.exit(main())
