"""Other people's tools that judge what Diptych says of itself, and whether it does what it says."""
