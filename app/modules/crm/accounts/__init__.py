"""What the pipeline says about an account and its group."""
