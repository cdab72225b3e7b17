"""What happens to the store when something happens to the process that writes it, or to its disk."""
