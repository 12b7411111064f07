"""Files read in processes that are locked in: what is sent to them, what they do, and who watches them."""
