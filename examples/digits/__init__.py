"""A real digit classifier whose page shows each prediction with the feedback widget under it."""
