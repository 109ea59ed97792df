"""BitTransformerLM: a transformer language model whose alphabet is the bit."""
