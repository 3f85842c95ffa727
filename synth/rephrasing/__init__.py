"""Documents said anew in their own language, without a new fact and without losing one."""
