"""How one token is computed for all running rows of a model: through transformers' modules or fused kernels,
launched one by one or captured in a CUDA graph."""
