"""What it means in dose."""
