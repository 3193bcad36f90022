"""Scripts that measure the results in the lessons' tables and docs/results.md; `make bench` runs the fast ones."""

import mmcourse  # noqa: F401  before torch: sets how long idle threads spin
