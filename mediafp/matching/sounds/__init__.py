"""Two sounds → matching segments, whatever their pitch and tempo."""
