"""Pages: typed content becomes PDF bytes in the house style; same content, same bytes."""
