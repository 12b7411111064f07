"""Version of mediafp."""

__version__ = "0.12.0"
