"""What the embedding is good for: reports, maps, retrieval, blind studies, manipulation. Above training."""
