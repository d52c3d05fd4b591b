"""Hide MXNet from every Python that has this folder on its PYTHONPATH.

Python imports a module of this name when it starts. It makes this machine look like
one for which MXNet has no wheel.
"""

import sys


class HideMXNet:
    """An import hook that knows nothing but that MXNet is not there."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mxnet":
            raise ModuleNotFoundError(f"No module named {name!r} (hidden)", name=name)
        return None


sys.meta_path.insert(0, HideMXNet())
