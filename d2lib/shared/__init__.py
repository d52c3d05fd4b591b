"""What both twins need and neither of them is: first weights, masks, positions."""
