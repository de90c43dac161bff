"""A trained model on new pictures: single ones, thousands, tiles, videos, and what its layers see."""
