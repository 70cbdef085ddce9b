# mlpd
