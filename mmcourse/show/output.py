"""The one door to the notebook: everything that `mmcourse.show` displays goes through `publish`."""


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel, where pictures, sound and widgets can be displayed."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def publish(data: dict, metadata: dict | None = None, display_id: str | None = None, update: bool = False) -> None:
    """Display a bundle {media type: content}; outside a notebook, print its 'text/plain'.

    With a `display_id`, a later call with `update=True` replaces what the first displayed.
    """
    if not in_notebook():
        if data.get("text/plain"):
            print(data["text/plain"])
        return
    from IPython.display import publish_display_data

    transient = {"display_id": display_id} if display_id else None
    publish_display_data(data=data, metadata=metadata or {}, transient=transient, update=update)
