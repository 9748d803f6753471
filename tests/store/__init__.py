"""Tests of seeme.store."""
