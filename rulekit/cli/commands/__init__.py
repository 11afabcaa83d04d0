"""One module a command: `execute(command) -> exit code`."""
