"""Limits on one file, the formats that are decoded, and the sampling of frames.

Above a limit the file fails with kind `too_large` or `timeout`; a video, an animation or an audio track keeps what was
decoded before, with a warning. The limits of archives are in `mediafp.ingest.archives`.
"""

from typing import Final

# Formats ------------------------------------------------------------------------------------------
ALLOWED_DEMUXERS: Final = (
    "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,m4v,ogg,wav,w64,flac,mp3,aac,asf,aiff,amr,h264,hevc,ivf,rm"
)
"""FFmpeg's names of the containers that are opened, each of which reads only its own bytes.

Playlists (hls, concat, sdp, dash) name other files and addresses, which FFmpeg follows whatever the playlist is called,
so they are not listed: a `.m3u8` and an ffconcat file named `.mp4` made FFmpeg, PyAV and OpenCV read other files.
"""
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
"""FFmpeg's names of the decoders that run: the codecs of cameras, phones, platforms and old archives.

The hundreds of others (games, subtitles, raw and scripted formats) are rarely examined by anyone except attackers.
"""

# Sampling -----------------------------------------------------------------------------------------
FRAME_INTERVAL_SECONDS: Final = 1.0
"""Seconds between sampled frames of a video. At 1 frame a second, SSCD with score normalisation finds copies with
recall .986 and no false pair (7 videos, 10 edits each, 1,019 pairs of unrelated videos)."""
FRAME_SIDE: Final = 320
"""Longest side of a sampled video frame, pixels. Chosen, not measured."""
DETAIL_SIDE: Final = 736
"""Longest side of a sampled video frame in which text is read, pixels: that at which images are screened for text. It costs
.001 CPU seconds a frame more than a frame of FRAME_SIDE alone."""

# CPU and wall time --------------------------------------------------------------------------------
CPU_SECONDS_PER_FILE: Final = 7.0
"""CPU seconds that one file may use. The development photographs use .02 to .3, a 120-megapixel PNG 2.5."""
CPU_SECONDS_PER_MEDIA_SECOND: Final = 2.0
"""Further CPU seconds for every second of video or audio that was decoded: 720p H.264 uses .025, 4K AV1 on one old core
1.5."""
MAX_CPU_SECONDS: Final = 1800.0
"""CPU seconds that one video or audio file may use in all: ten hours of 720p use 900."""
CPU_SECONDS_PER_MEGABYTE: Final = 1.0
"""Further CPU seconds for every megabyte (10^6 bytes) of an archive: bzip2, the slowest compression, uses .1."""
MAX_WORKER_CPU_SECONDS: Final = 86_400
"""CPU seconds in the life of one worker, over all its files. Chosen, not measured."""
IMAGE_WALL_SECONDS: Final = 300.0
"""Wall-clock seconds after which a worker that analyses an image is killed, even if it uses no CPU time, for example
because it waits for a disk. Chosen, not measured."""
VIDEO_WALL_SECONDS: Final = 7200.0
"""The same for a video or an audio file. Chosen, not measured."""
ARCHIVE_WALL_SECONDS: Final = 300.0
"""Wall-clock seconds that the workers of one archive may take in all, without the time in which its members are analysed.
Chosen, not measured: a worker starts in one second."""
ARCHIVE_WALL_SECONDS_PER_MEGABYTE: Final = 1.0
"""Further wall-clock seconds for every megabyte (10^6 bytes) of an archive: stored members take .001 on one core, those
in a `.tar.bz2` .04, and a disk that reads and writes 10 MB/s takes .2."""
MAX_ARCHIVE_WALL_SECONDS: Final = 43_200.0
"""Wall-clock seconds for an archive of any size: a terabyte at 25 MB/s. Chosen, not measured."""
MEMBER_WALL_SECONDS: Final = 1800.0
"""Wall-clock seconds that one member of an archive may take, and those before it that are skipped: the largest allowed,
of 16 GiB, at 10 MB/s. Chosen, not measured."""

# Memory -------------------------------------------------------------------------------------------
MAX_WORKER_MEMORY_BYTES: Final = 1_100 << 20
"""Address space, bytes, that a worker may allocate after its start, when it occupies 250 MB. PyAV without a limit reached
1.5 GiB on hostile files."""

# Kernel -------------------------------------------------------------------------------------------
MAX_WORKER_THREADS: Final = 16
"""Threads of one worker. A HEIC image of 48 tiles is decoded with 9: four, with one each in the decoder, and the first. Starts
that wait at the same time are counted as of before, so that twice as many can run for a moment."""
MAX_WORKER_OPEN_FILES: Final = 64
"""Bound of the numbers of new descriptors of a worker, which limits what the kernel holds for them. It has 7 open at once."""

# Sizes --------------------------------------------------------------------------------------------
MAX_IMAGE_BYTES: Final = 1 << 30
"""Bytes of an image file: an uncompressed image of `MAX_PIXELS` with 16 bits a channel has fewer."""
MAX_VIDEO_BYTES: Final = 256 << 30
"""Bytes of a video or audio file: ten hours at 60 Mbit/s. Hashing so many takes 2 minutes at 2.1 GB/s, measured with the
SHA instructions of an AMD EPYC; 11 at 0.4 GB/s without them; half an hour from a disk of 150 MB/s."""
MAX_METADATA_BYTES: Final = 16 << 20
"""Bytes before the pixels of a JPEG (EXIF, colour profile, comments): 500 EXIF segments of 64 KiB cost 5 CPU seconds."""
MAX_PIXELS: Final = 120_000_000
"""Pixels of one image. Chosen, not measured: a PNG of this size uses 2.5 CPU seconds."""
MAX_FRAME_PIXELS: Final = 36_000_000
"""Pixels of one video frame, of which a decoder keeps up to 17: 8K has 35 million."""
ANIMATION_PIXELS: Final = 4 * MAX_PIXELS
"""Pixels decoded of one animation, or of the pages of one file, in all: frames build on one another, so a sampled frame costs
all frames before it; a 64-megapixel animated PNG used 6.5 CPU seconds."""
MAX_PAGES: Final = 64
"""Pages of one image file that are read; the rest is skipped with a warning. Chosen, not measured."""
MAX_PAGE_PARTS: Final = 64
"""Sections and further renderings of the pages of one image file, which have rows besides the pages. Chosen, not measured."""
MAX_ANIMATION_FRAMES: Final = 5_000
"""Frames of an animation that are decoded; the rest is skipped with a warning. Chosen, not measured."""
MAX_FRAMES: Final = 36_000
"""Sampled frames of one video (ten hours); the rest is skipped with a warning. Chosen, not measured."""
MAX_THUMBNAIL_BYTES: Final = 256 << 20
"""Bytes of thumbnails of one video (some 20,000 distinct frames); further frames are skipped with a warning. Chosen, not
measured."""
MAX_AUDIO_SECONDS: Final = 14_400
"""Seconds of audio of one file (four hours, 460 MB in memory); the rest is skipped with a warning. Chosen, not
measured."""
MAX_TRACKS_SECONDS: Final = 14_400
"""Seconds of all audio tracks of one file together, as many as one track may have: if they are more, the last tracks are
skipped with a warning, so that they take no more memory than one. Chosen, not measured."""
