"""What docs/ has that is made by programs: pages from the commands and rules, and pictures from real images."""
