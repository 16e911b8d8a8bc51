"""What the collectors of REST providers (Azure with Entra, Google Cloud) share: declared operations, asked safely."""
