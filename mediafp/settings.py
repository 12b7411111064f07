"""Every number that decides something, named, with where it was measured."""

from typing import Final

# Decoding -----------------------------------------------------------------------------------------
DEMUXERS: Final = (
    "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,m4v,ogg,wav,w64,flac,mp3,aac,asf,aiff,amr,h264,hevc,ivf,rm"
)
"""The only containers that are opened: each reads its own bytes. Playlists (hls, concat, sdp, dash)
name other files and addresses, and are followed whatever they are named, so they are not here."""
SAMPLE_SECONDS: Final = 1.0
"""Seconds between sampled video frames (measured: recall .986 at 1 frame a second)."""
FRAME_SIDE: Final = 320
"""Longest side, pixels, of a sampled video frame."""
THUMBNAIL_SIDE: Final = 512
"""Longest side, pixels, of a picture's kept thumbnail; placement works on it."""
FRAME_THUMBNAIL_SIDE: Final = 320
"""Longest side, pixels, of a kept video frame's thumbnail."""
FOLD_COSINE: Final = 0.9
"""A sampled frame this near to the last kept one is folded into its run (keeps 68 % of frames)."""
FLAT_STD: Final = 12.0
"""Grey-level standard deviation below which a frame is flat and is dropped from a video."""
ANIMATION_FRAMES: Final = 64
"""Most frames sampled from an animated picture."""
MAX_PIXELS: Final = 120_000_000
"""Pixels of one picture or frame; above it the file is `too_large`."""
MAX_FRAMES: Final = 36_000
"""Sampled frames of one video (ten hours); what lies behind is left out with a warning."""
MAX_SOUND_SECONDS: Final = 14_400
"""Seconds of sound of one file (four hours, 460 MB in memory); what lies behind is left out with a warning."""
