"""Goals of the company, its teams and its people, from the draft to the close."""
