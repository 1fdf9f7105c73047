"""Images, registries and policies made to deceive, to crash or to exhaust: each kind, with what is right for it."""
