"""What a build costs: measured on this machine before it is run, and held against what it took afterwards."""
