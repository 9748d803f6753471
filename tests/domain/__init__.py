"""Tests of seeme.domain."""
