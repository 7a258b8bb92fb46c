"""Side by side with other programs: all figures of time come from here, none from the tests."""
