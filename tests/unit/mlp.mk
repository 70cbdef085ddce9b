# unit tests of mlp
