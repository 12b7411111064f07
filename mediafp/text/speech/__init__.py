"""Audio to transcripts (Whisper).

In: samples. Out: transcript segments in one language each.
Imports: types.
"""
