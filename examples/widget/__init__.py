"""The widget's gallery: every state, mode, theme and language of `<seeme-feedback>`, against stubs of the service."""
