"""`make demo`: three real daemons on loopback, a real web application, and two faults that a newcomer can watch."""
