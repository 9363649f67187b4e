"""What clients find at well-known places: the catalogue of APIs, metadata, and the pages of problems."""
