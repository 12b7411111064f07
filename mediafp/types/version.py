"""Version of mediafp."""

__version__ = "0.14.0"
