"""Tests of seeme.service."""
