"""The border: files become frozen, validated values here, or one clear error."""
