"""The command line: `main` finds the command, each command has one thin file, `common` holds what they share."""
