"""The bare ``import d2lib``: it loads neither twin."""

from benchmarks.peers._import import timed_import
from d2lib import __version__

VERSION = __version__
THREADS = 1


def import_(data):
    return timed_import("d2lib")
