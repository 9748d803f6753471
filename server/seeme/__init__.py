"""SeeMe feedback: the feedback loop for machine-learning models."""

from seeme.client import Client
from seeme.signing import sign
from seeme.version import __version__

__all__ = ["Client", "__version__", "sign"]
