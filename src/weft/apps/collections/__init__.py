"""Collections: files put together under a name by their owner and those whom the owner lets."""
