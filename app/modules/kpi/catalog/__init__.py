"""Every metric there is: what it means, what it is made of, who uses it, and how it stands."""
