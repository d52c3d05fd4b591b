"""What both twins need and neither of them is: first weights, masks, positions.

And models that are made of layers and compute nothing themselves: each is written once,
and takes the layers of its twin.
"""
