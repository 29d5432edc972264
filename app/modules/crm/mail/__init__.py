"""E-mail to customers: templates, sending, and what became of it."""
