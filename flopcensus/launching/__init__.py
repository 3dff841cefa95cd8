"""What starts ``bench`` on many nodes: scripts and manifests for the launchers that sites have."""
