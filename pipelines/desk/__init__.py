"""The web application: queue, cases, answers of cardholders, audit, users."""
