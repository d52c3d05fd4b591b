"""Hide MXNet from every Python that has this folder on its PYTHONPATH.

Python imports a module of this name when it starts. It makes this machine look like
one for which MXNet has no wheel: nothing finds it, and an import raises.
"""

import sys
from importlib.machinery import PathFinder


class WithoutMXNet(PathFinder):
    """Finds what Python's own finder does, but not MXNet."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] == "mxnet":
            return None
        return super().find_spec(fullname, path, target)


sys.meta_path[:] = [
    WithoutMXNet if finder is PathFinder else finder for finder in sys.meta_path
]
