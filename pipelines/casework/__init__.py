"""Cases, alerts, messages and verdicts of the desk, in a database: SQLite by default, PostgreSQL by URL."""
