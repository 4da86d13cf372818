"""A folder of own documents as a provider: read, cut into passages, indexed and searched on this machine."""
