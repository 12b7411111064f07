"""Version of mediafp."""

__version__ = "0.5.0"
