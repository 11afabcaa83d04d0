"""`python -m rulekit`."""

from rulekit.cli.main import entry

if __name__ == "__main__":
    entry()
