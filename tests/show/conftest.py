"""What the show modules display, caught instead of shown."""

import pytest

from mmcourse.show import output


class Shown(list):
    """(data, metadata, display_id, update) of every display."""

    def data(self, i=-1):
        return self[i][0]

    def alt(self, i=-1):
        data, metadata, *_ = self[i]
        image = next(kind for kind in data if kind.startswith("image/"))
        return metadata[image]["alt"]


@pytest.fixture
def shown(monkeypatch):
    """Pretends to be a notebook and keeps what is displayed."""
    kept = Shown()

    def publish(data, metadata=None, display_id=None, update=False):
        kept.append((data, metadata or {}, display_id, update))

    monkeypatch.setattr(output, "publish", publish)
    monkeypatch.setattr(output, "in_notebook", lambda: True)
    return kept
