"""Companies, people and what they may do: log-in pages, account, members, teams, roles, applications, settings."""
