"""Several nodes behind one address: who has which stream, passing requests on, taking a copy of a stream, moving."""
