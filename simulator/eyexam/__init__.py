"""Eyexam: how fast a layer could run at the most, one constraint at a time, without simulating it.

The seven steps of Chen et al., "Eyeriss v2" (arXiv 1807.07928). Nothing here knows the engine, so that what
it says can be held against what the engine measures.
"""
