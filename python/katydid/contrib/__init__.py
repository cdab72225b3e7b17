"""Clients besides the ordinary one."""
