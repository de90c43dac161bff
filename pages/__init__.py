"""The pages of the dashboard, one file per step; pages/_app.py is the frame they stand in."""
