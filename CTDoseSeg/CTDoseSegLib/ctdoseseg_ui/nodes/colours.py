"""Colours of curves and marks, red, green and blue from 0 to 1.

Okabe and Ito (2008): distinct with every kind of colour vision; in grey, dashes and marks tell
them apart.
"""

from __future__ import annotations

BLUE = (0.00, 0.45, 0.70)
ORANGE = (0.90, 0.62, 0.00)
GREEN = (0.00, 0.62, 0.45)
RED = (0.84, 0.37, 0.00)
GRAY = (0.43, 0.43, 0.43)
# In place of blue and grey on a dark ground.
SKY = (0.34, 0.71, 0.91)
LIGHT_GRAY = (0.70, 0.70, 0.70)
