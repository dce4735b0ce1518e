"""The one function of python-prctl that tini's tests call. That package is a C extension and would need a compiler and headers."""

import ctypes
import os

PR_SET_CHILD_SUBREAPER = 36


def set_child_subreaper(value):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, int(bool(value)), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
