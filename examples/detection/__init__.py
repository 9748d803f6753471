"""A real detector of screws, nuts and washers, whose page asks about each box with the widget's detection mode."""
