"""A tiny module that uses every hook: the contract of the module API, executable."""
