"""What a published account needs: confidential cells, where rows come from, and revisions."""
