"""Version of mediafp."""

__version__ = "0.9.0"
