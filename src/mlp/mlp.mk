# mlp
