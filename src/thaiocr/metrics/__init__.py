"""What was read, compared with what is written there: figures and a report. No paddle here."""
