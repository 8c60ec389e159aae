"""What it costs: purchases, tokens, labour, training. Takes hours and volumes, knows no chips."""
