"""Version of mediafp."""

__version__ = "0.10.0"
