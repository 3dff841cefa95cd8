"""What ``import flopcensus as fc`` offers: a file for each verb, and the answers that they give.

Every verb asks what the command of its name asks, through the same code, and takes its arguments by the
names of that command's options. Nothing here prints: an answer carries its warnings.
"""
