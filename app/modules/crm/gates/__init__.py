"""What a deal needs before it may enter a stage."""
