"""Moderation: rules of the chat, word lists, mutes and bans, helpers, and the log of all of it."""
