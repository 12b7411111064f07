"""Capabilities of a worker process, which are decided before it enters the sandbox."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCapabilities:
    """The models and libraries that a worker loads before it enters the sandbox; it cannot load any later."""

    ocr: bool = False
    """The OCR models, which take a second and 150 MB."""
    all_types: bool = False
    """The libraries of the fingerprint types that matching does not compare; SciPy, for pHash, takes half a second."""
    video: bool = False
    """The decoders of videos and audio, which take .1 CPU seconds."""
    unpacks: bool = False
    """True for a worker that unpacks archives, and does nothing else: it chooses the content of every member, and is kept
    apart from the workers that analyse them and other files."""
    compares: bool = False
    """True for a worker that compares stored assets, and does nothing else: it decodes their thumbnails alone."""
    decodes: bool = False
    """True for a worker that decodes thumbnails, and does nothing else: it loads OpenCV alone."""

    def covers(self, needed: "WorkerCapabilities") -> bool:
        """Return True if a worker with these capabilities can run a task that needs others."""
        return (
            self.has_use_of(needed)
            and self.ocr >= needed.ocr
            and self.all_types >= needed.all_types
            and self.video >= needed.video
        )

    def has_use_of(self, other: "WorkerCapabilities") -> bool:
        """Return True if workers with these and with other capabilities do the same: unpack, compare, decode, or analyse."""
        return (self.unpacks, self.compares, self.decodes) == (other.unpacks, other.compares, other.decodes)

    def __or__(self, other: "WorkerCapabilities") -> "WorkerCapabilities":
        """Return the capabilities of both, which have the same use."""
        return WorkerCapabilities(
            ocr=self.ocr or other.ocr,
            all_types=self.all_types or other.all_types,
            video=self.video or other.video,
            unpacks=self.unpacks,
            compares=self.compares,
            decodes=self.decodes,
        )

    def __str__(self) -> str:
        if self.unpacks:
            return "archives"
        if self.compares:
            return "comparisons"
        if self.decodes:
            return "thumbnails"
        names = (
            "videos" if self.video else "images",
            "OCR" if self.ocr else "",
            "all fingerprint types" if self.all_types else "matched fingerprint types",
        )
        return ", ".join(filter(None, names))
