"""The pages of the dashboard, one file a step; pages/_app.py is the frame they stand in."""
