"""What the experts learned of languages: who takes which tokens, and which languages are taken alike."""
