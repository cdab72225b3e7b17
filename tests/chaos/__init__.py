"""What becomes of a fleet when its parts die, freeze, or lose each other."""
