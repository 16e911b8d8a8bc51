"""What identities of Azure and Entra may do and whom they can become, from assignments, directory roles and trusts."""
