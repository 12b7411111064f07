"""Results to what people and programs read: pages, drawings, subtitles, JSON.

In: results and evidence. Out: HTML, SVG, text.
Imports: types.
"""
