"""The shapes that cross a border: each is at once validator, serialiser and OpenAPI schema."""
