"""Reminders become mails here, and mails leave the house (or become files)."""
