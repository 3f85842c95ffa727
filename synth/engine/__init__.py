"""The engines that complete requests: a server over HTTP, recorded completions, and the store under both."""
