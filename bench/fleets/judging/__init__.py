"""Which devices of a fleet are out of line: beside peers, by themselves, and since an earlier time."""
