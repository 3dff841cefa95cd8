"""Which shape, and which library: chosen before anything is measured, so that choosing flatters no figure."""
