"""The default rules, a module a family: what each looks for, and its page."""
