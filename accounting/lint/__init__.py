"""The linter: rules that a census, ours or foreign, is checked by, and what each finding moves."""
