"""nhiscan: every machine identity, its credentials, what they can do, who owns them, and which agents hold them."""

__version__ = "0.1.0"
