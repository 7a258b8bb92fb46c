"""The tunnels room."""
