"""Scripts that measure what the lessons and docs/results.md quote; `make bench` runs the fast ones."""

import mmcourse  # noqa: F401  before torch: threads that wait shall not keep a core busy
