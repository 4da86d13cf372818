"""Many questions to several models: asked some at a time, stored as they are answered, gone on with later."""
