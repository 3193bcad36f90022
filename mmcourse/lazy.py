"""Public names that load their module when they are first used (PEP 562), so that importing a package stays light."""

import importlib
from collections.abc import Callable

from mmcourse import renamed


def lazy_names(package: dict, home: dict[str, str]) -> tuple[Callable, Callable]:
    """`__getattr__` and `__dir__` for a package, given its globals() and {name: the module that defines it}."""

    def get(name: str):
        if name in renamed.NAMES.get(package["__name__"], {}):
            renamed.names_of(package["__name__"])(name)
        if name not in home:
            known = ", ".join(sorted(home))
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}; its names are {known}")
        value = getattr(importlib.import_module(home[name]), name)
        package[name] = value
        return value

    return get, lambda: sorted({*package, *home})
