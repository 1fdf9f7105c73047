"""Images that an engine has, and the three lanes to their bytes."""
