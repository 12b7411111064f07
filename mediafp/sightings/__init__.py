"""Sidecar files to sightings.

In: the name of a media file, and an opener of the files beside it. Out: fields of its sighting, and warnings.
Imports: types.
"""
