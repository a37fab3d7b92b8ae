"""What ties a process to the torchrun that launched it; done before torch is imported."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def end_with_launcher() -> None:
    """Be killed when torchrun is, which gives each of its processes a session of its own.

    Without it a killed torchrun would leave processes that hold their GPU's memory and wait for the others.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
