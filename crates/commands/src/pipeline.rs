//! From a parsed statement to a running plan, for the session and for commands that run queries themselves.
