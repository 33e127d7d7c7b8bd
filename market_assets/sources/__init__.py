"""Where postings come from: one file a provider, all behind the one protocol in `protocol`."""
