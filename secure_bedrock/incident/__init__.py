"""What to do when somebody must be stopped: the commands in their order, the policies, how to check and to undo."""
