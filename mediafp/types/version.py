"""Version of mediafp."""

__version__ = "0.2.0"
