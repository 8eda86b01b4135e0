"""The web server: pages, API and Socket.IO, one folder per noun; see PROTOCOL.md."""
