"""What a company decides about its CRM."""
