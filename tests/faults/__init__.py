"""Faults: processes are killed, networks fail and callers race, and every effect is counted."""
