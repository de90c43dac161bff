"""A trained model on new pictures: single ones, thousands, tiles, videos, and what its layers see."""

from core.delivery.predict.predicting import predict_pictures

__all__ = ["predict_pictures"]
