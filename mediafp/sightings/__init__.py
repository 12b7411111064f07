"""Sidecar files to sightings, and names of files to clues.

In: the name of a media file, and an opener of the files beside it. Out: fields of its sighting, clues, and warnings.
Imports: types.
"""
