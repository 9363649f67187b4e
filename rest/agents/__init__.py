"""The whole API in one Markdown text, short enough for a language model to read before its first call."""
