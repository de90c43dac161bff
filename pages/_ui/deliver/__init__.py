"""What the Take it away page is made of."""
