"""How fast the parts of thaiocr are on this machine: one module per `thaiocr bench` verb, which share `measure`."""
