"""Where results come from: an own folder of documents, and the services that search the web."""
