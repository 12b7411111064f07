"""Every number that decides something, named, with where it was measured."""

from typing import Final

# Decoding -----------------------------------------------------------------------------------------
ALLOWED_DEMUXERS: Final = (
    "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,m4v,ogg,wav,w64,flac,mp3,aac,asf,aiff,amr,h264,hevc,ivf,rm"
)
"""The only containers that are opened: each reads its own bytes. Playlists (hls, concat, sdp, dash)
name other files and addresses, and are followed whatever they are named, so they are not here."""
ALLOWED_DECODERS: Final = (
    "h264,hevc,av1,libdav1d,vp8,vp9,libvpx,libvpx-vp9,mpeg4,mpeg2video,mpeg1video,msmpeg4v1,msmpeg4v2,msmpeg4,h263,"
    "h263i,flv,vp6,vp6a,vp6f,wmv1,wmv2,wmv3,vc1,theora,mjpeg,mjpegb,prores,dnxhd,dvvideo,rawvideo,svq1,svq3,cinepak,"
    "indeo3,indeo5,rv10,rv20,rv30,rv40,ffv1,huffyuv,ffvhuff,utvideo,png,qtrle,rpza,msrle,msvideo1,gif,aac,aac_fixed,"
    "aac_latm,mp3float,mp3,mp3adufloat,mp2float,mp2,mp1float,mp1,opus,libopus,vorbis,libvorbis,flac,alac,ac3,"
    "ac3_fixed,eac3,dca,truehd,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,wmav1,wmav2,wmapro,wmalossless,"
    "wmavoice,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,cook,ra_144,ra_288,sipr,atrac3,nellymoser,"
    "speex,libspeex,gsm,gsm_ms,qdm2,qdmc,mace3,mace6,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_u16le,"
    "pcm_u16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_bluray,pcm_dvd"
)
"""The only decoders that run, by FFmpeg's names: what cameras, phones, platforms and old archives wrote. The hundreds
of others (games, subtitles, raw and scripted forms) are rarely looked at by anyone but attackers."""
FRAME_INTERVAL_SECONDS: Final = 1.0
"""Seconds between sampled video frames (measured: recall .986 at 1 frame a second)."""
FRAME_SIDE: Final = 320
"""Longest side, pixels, of a sampled video frame."""
SAMPLED_ANIMATION_FRAMES: Final = 64
"""Most frames sampled from an animated picture."""
# Budgets of one file ------------------------------------------------------------------------------
# Past one the file ends as `too_large` or `timeout`; a video or an animation keeps what was read, with a warning.
CPU_SECONDS_PER_FILE: Final = 7.0
"""CPU seconds that reading a file may take. The development photographs take .02 to .3, a 120-megapixel PNG 2.5."""
CPU_SECONDS_PER_MEDIA_SECOND: Final = 2.0
"""CPU seconds more for every second of video or sound that was read: 720p H.264 takes .025, 4K AV1 on one old core 1.5."""
MAX_CPU_SECONDS: Final = 1800.0
"""CPU seconds in all: ten hours of 720p take 900."""
CPU_SECONDS_PER_MEGABYTE: Final = 1.0
"""CPU seconds more for every megabyte of an archive: bzip2, the slowest, takes .1."""
MAX_WORKER_CPU_SECONDS: Final = 86_400
"""CPU seconds in the life of a worker, whatever it reads."""
IMAGE_WALL_SECONDS: Final = 300.0
VIDEO_WALL_SECONDS: Final = 7200.0
"""Wall seconds after which a worker is given up that does not even use its CPU time, such as one that waits for a disk."""
MAX_WORKER_MEMORY_BYTES: Final = 1_100 << 20
"""Address space that a worker may take on top of what it has before the first file; it has 250 MB in memory then."""
MAX_PIXELS: Final = 120_000_000
"""Pixels of one picture; above it the file is `too_large`."""
MAX_FRAME_PIXELS: Final = 36_000_000
"""Pixels of one video frame, of which a decoder keeps up to 17; 8K has 35."""
ANIMATION_PIXELS: Final = 4 * MAX_PIXELS
"""Pixels decoded of one animation in all: its frames build on each other, so sampling some decodes
all before them, and a 64-megapixel animated PNG cost 6.5 CPU s."""
MAX_ANIMATION_FRAMES: Final = 5_000
"""Frames of an animation that are looked at; what lies behind is left out with a warning."""
MAX_METADATA_BYTES: Final = 16 << 20
"""Bytes of text, EXIF and colour profiles in a picture: a JPEG of 500 EXIF segments of 64 KiB cost 5 CPU s."""
MAX_IMAGE_BYTES: Final = 1 << 30
"""Bytes of a picture file; an uncompressed one of MAX_PIXELS with 16 bits a channel has less."""
MAX_FRAMES: Final = 36_000
"""Sampled frames of one video (ten hours); what lies behind is left out with a warning."""
MAX_THUMBNAIL_BYTES: Final = 256 << 20
"""Bytes of thumbnails of one video (some 20,000 unlike frames); what lies behind is left out with a warning."""
MAX_AUDIO_SECONDS: Final = 14_400
"""Seconds of sound of one file (four hours, 460 MB in memory); what lies behind is left out with a warning."""
