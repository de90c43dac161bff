"""The model that predicts: which one, loaded once and kept warm in a child, big pictures in tiles, its layers."""
