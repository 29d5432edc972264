"""What people are told about goals without asking: alerts when one turns for the worse, reminders, and a letter a week."""
