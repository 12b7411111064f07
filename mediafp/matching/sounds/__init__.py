"""Two sounds to matching segments, whatever their pitch and tempo.

In: rows of the fingerprint types `sound_prints` and `sound_codes`. Out: `Match` with `Segment`s of the channel `voice`.
Imports: mediafp.matching and mediafp.types.
"""
