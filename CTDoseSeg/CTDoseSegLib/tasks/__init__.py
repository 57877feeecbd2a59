"""Long tasks: their progress, and processes of their own."""
