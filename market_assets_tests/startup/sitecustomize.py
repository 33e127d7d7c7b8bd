"""What programs that tests start do first: importing, they collect garbage in vain over and over."""

import gc

gc.set_threshold(50_000, 20, 20)
