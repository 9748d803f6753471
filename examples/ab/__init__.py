"""Two real digit classifiers of different quality behind one page, compared by an A/B test."""
