"""Parts of the chat benchmark."""
