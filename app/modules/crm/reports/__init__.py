"""The pre-sale report: from prospect to purchase."""
