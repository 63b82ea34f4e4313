//! json, jsonb and jsonpath.
