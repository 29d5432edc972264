"""Goals that can be checked and measured, and where everybody stands with theirs."""
