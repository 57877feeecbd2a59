"""What the unit tests share stands beside this file, which lets the tests of a room import it."""
