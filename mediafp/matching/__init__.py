"""From candidates to proof: where in the picture, when in the video, how sure, which group."""
