"""Images that an engine has, and the three access methods to their bytes."""
