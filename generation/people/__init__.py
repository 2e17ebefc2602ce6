"""What is kept about a person: preferences and personal data."""
