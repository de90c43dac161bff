"""Delivery: a trained model on new pictures, in other formats, in a report, a notebook and a bundle."""
