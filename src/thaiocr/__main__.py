"""`python -m thaiocr`: the same as the command `thaiocr`."""

import sys

from thaiocr.cli.main import main

sys.exit(main())
