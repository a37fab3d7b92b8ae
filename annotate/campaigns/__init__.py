"""Groups, brackets, comparisons and votes; who is asked what; derived triplets and export."""
