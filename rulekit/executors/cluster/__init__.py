"""Jobs on any cluster that has a command to submit a script, on a shared file system."""
