"""The tests of the user's own definitions in a new folder."""
