"""The functions that `import inspector` offers, from what a program has at hand to what the pipeline takes.

- `keywords`: the keywords of all functions, each with its type, default and sentence, and the options that they make
- `given`: images, policies and roles as text, path, mapping or value
- `functions`: `inspect`, `diff`, `check`, `audit`
- `page`: the reference page, rendered from the docstrings
"""
