"""Sales pipeline: deals move through stages; every move is kept in a ledger from which all figures are drawn."""
