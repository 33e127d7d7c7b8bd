"""What programs that tests start do first.

Importing, they collect garbage in vain over and over. And where there is PyArrow, which the product does not need
and its users seldom have, ADBC loads it whole, and pandas with it.
"""

import gc
import sys

gc.set_threshold(500_000, 20, 20)
sys.modules["pyarrow.dataset"] = None  # type: ignore[assignment]
