"""Version of mediafp."""

__version__ = "0.13.0"
