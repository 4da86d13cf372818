"""How text is made: the model pool, loading, decoding, text streaming. Others enter by `engines.base`."""
