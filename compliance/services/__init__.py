"""Use-cases: free functions that take session, actor and now, and never commit."""
