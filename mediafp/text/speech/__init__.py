"""Speech recognition: voice activity detection (Silero), language identification, decoding (Whisper), quality flags.

In: audio samples. Out: transcripts, whose segments are in one language each.
Imports: types.
"""
