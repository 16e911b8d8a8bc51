"""Azure with Entra, over Microsoft Graph and Azure Resource Manager."""
