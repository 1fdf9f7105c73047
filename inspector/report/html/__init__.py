"""Reports as one HTML file: no script, nothing loaded from anywhere, light and dark, on paper and on a phone."""
