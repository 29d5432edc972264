"""What belongs to a deal beside its facts: shares of the credit, people, competitors, and what is sold."""
