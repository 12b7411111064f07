"""Version of mediafp."""

__version__ = "0.7.0"
