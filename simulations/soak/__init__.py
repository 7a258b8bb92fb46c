"""`make soak`: real daemons under faults, floods and fuzzers, with deadlines. It ends within twelve minutes."""
